/** Every vector holds: over HTTP against a running server, and at the verifier itself; nothing calls out. */
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { after, before, test } from "node:test";
import { AuthError } from "../lib/auth/errors.ts";
import { verify } from "../lib/auth/clerk/session.ts";
import { Issuer, Service, environment, type Answer } from "./service.ts";
import * as vectors from "./vectors.ts";

const issuer = new Issuer();
const services: Record<string, Service> = {};

before(async () => {
  await issuer.start();
  for (const name of Object.keys(vectors.APPS))
    services[name] = await Service.start({ ...environment(name, issuer.url), REFUSE_WAY_OUT: "1" });
});
after(async () => {
  await issuer.stop();
  for (const service of Object.values(services)) await service.stop();
  for (const service of Object.values(services)) {
    for (const never of ["OUTBOUND", "UNHANDLED", vectors.SERVICE, vectors.PREVIOUS, vectors.SECRET])
      assert.ok(!service.log.includes(never), `the log has ${never}: ${service.log.slice(0, 2000)}`);
  }
});

function check(app: { name: string }, found: vectors.Case, named: Record<string, string>, { status, headers, body }: Answer) {
  assert.deepEqual([status, body?.error?.code], [found.status, found.code], JSON.stringify(body));
  for (const [name, want] of Object.entries(found.body ?? {})) if (name !== "id") assert.equal(body[name], named[String(want)] ?? want);
  for (const [name, want] of Object.entries(found.response ?? {})) assert.equal(headers[name.toLowerCase()], want);
  if (status >= 400) {
    assert.equal(headers["cache-control"], "no-store");
    assert.equal(body.error.request_id, headers["x-request-id"]);
    assert.ok(body.error.message);
  }
  assert.equal("www-authenticate" in headers, status === 401);
  if (app.name !== "test") assert.ok(!("x-auth-mode" in headers));
}

for (const [app, found] of vectors.each()) {
  const label = `${app.name}: ${found.name}`;
  if (found.via !== "function")
    test(`over HTTP, ${label}`, async () => {
      const service = services[app.name]!;
      const [headers, path] = [vectors.headers(app, found), found.path ?? vectors.FILE.base.path];
      check(app, found, vectors.values(app, found), await service.get(path, headers));
      const without = found.identical_without;
      if (without) {
        const same: [string, string][] = [["X-Request-Id", "same"], ...headers];
        const one = await service.get(path, same);
        const two = await service.get(path, same.filter(([name]) => !without.includes(name)));
        delete one.headers.date;
        delete two.headers.date;
        assert.deepEqual(one, two);
      }
    });
  if (!found.headers && !found.path)
    test(`at the verifier, ${label}`, async () => {
      const policy = { issuer: app.issuer, authorizedParties: [app.party], clockSkewS: 5 };
      const keys = async (kid: string) => {
        if (app.name === "local" && kid !== vectors.KID) throw new AuthError("token_invalid", "kid");
        return vectors.jwk(vectors.RIGHT.publicKey) as JsonWebKey;
      };
      const code = await verify(vectors.token(app, found), policy, keys).then(
        () => undefined,
        (error) => (error as AuthError).code,
      );
      assert.equal(code, found.status === 401 ? found.code : undefined);
    });
}

test("there are enough vectors", () => assert.ok([...vectors.each()].length >= 80));

test("the kit does not contain the backdoor", () => {
  const folder = new URL("../lib/", import.meta.url);
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) assert.ok(!readFileSync(`${entry.parentPath}/${entry.name}`, "utf8").toLowerCase().includes("x-test-"), entry.name);
});

test("builds without the alias believe no header", async () => {
  const env = { ...environment("test", "http://127.0.0.1:1"), HOST: "0.0.0.0", TEST_AUTH_SECRET: "" };
  const service = await Service.start(env, false);
  const { status, body } = await service.get("/me", [["X-Test-User", "alice"], ["X-Test-Secret", vectors.SECRET]]);
  await service.stop();
  assert.deepEqual([status, body.error.code], [401, "auth_required"]);
});
