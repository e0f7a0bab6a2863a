/** Every forbidden environment ends with 78 before a port is open; every allowed one listens. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { MARKERS, Refused, read } from "../lib/auth/settings.ts";
import { openBackdoor } from "../testing/backdoor.ts";
import { Service, environment, freePort } from "./service.ts";
import * as vectors from "./vectors.ts";

const PUBLISHABLE = "pk_test_Y2xlcmsuc2hvcC5leGFtcGxlJA"; // clerk.shop.example$
const PARTIES = { AUTH_AUTHORIZED_PARTIES: "https://shop.example" };
const ISSUER = { AUTH_LOCAL_ISSUER: "http://127.0.0.1:18084" };
const KEYS: Record<string, Record<string, string>> = {
  none: {},
  publishable: { CLERK_PUBLISHABLE_KEY: PUBLISHABLE, ...PARTIES },
  pem: { CLERK_JWT_KEY: vectors.PEM, CLERK_ISSUER: "https://clerk.shop.example", ...PARTIES },
  "no parties": { CLERK_PUBLISHABLE_KEY: PUBLISHABLE },
  "pem alone": { CLERK_JWT_KEY: vectors.PEM, ...PARTIES },
  "issuer alone": { CLERK_ISSUER: "https://clerk.shop.example", ...PARTIES },
  "secret alone": { CLERK_SECRET_KEY: "sk_test_x", ...PARTIES },
  "another kind of secret": { CLERK_PUBLISHABLE_KEY: PUBLISHABLE, CLERK_SECRET_KEY: "sk_live_x", ...PARTIES },
  "no publishable key": { CLERK_PUBLISHABLE_KEY: "pk_test_!!", ...PARTIES },
};

function* matrix() {
  for (const APP_ENV of ["", "production", "development", "test", "Test", "test ", "staging"])
    for (const HOST of ["127.0.0.1", "localhost", "0.0.0.0"])
      for (const keys of Object.keys(KEYS))
        for (const marker of ["", "KUBERNETES_SERVICE_HOST", "VERCEL_ENV"]) {
          const env = { APP_ENV, HOST, TEST_AUTH_SECRET: vectors.SECRET, ...ISSUER, ...KEYS[keys], ...(marker ? { [marker]: "production" } : {}) };
          const clerk = keys === "publishable" || keys === "pem";
          const test = APP_ENV === "test" && HOST !== "0.0.0.0" && !marker;
          const starts = clerk ? APP_ENV !== "test" : keys === "none" && (APP_ENV === "development" || test);
          yield { env, keys, marker, starts };
        }
}

/** As a build for tests would: this process has no alias. */
function allowed(env: Record<string, string>): boolean {
  try {
    const settings = read(env, []);
    if (settings.mode === "test") openBackdoor(env, []);
    return true;
  } catch (error) {
    assert.ok(error instanceof Refused);
    return false;
  }
}

test("matrix as values", () => {
  for (const each of matrix()) assert.equal(allowed(each.env), each.starts, JSON.stringify(each));
});

test("matrix as processes", { timeout: 240_000 }, async () => {
  for (const { env, keys, marker, starts } of matrix()) {
    const few = ["", "development", "test"].includes(env.APP_ENV) && ["none", "publishable"].includes(keys);
    if (!few || env.HOST === "localhost" || marker === "VERCEL_ENV") continue;
    const service = new Service(await freePort(), env);
    const ended = await service.settled();
    await service.stop();
    const label = JSON.stringify({ env, ended });
    assert.equal(ended.opened, starts, label);
    if (starts) continue;
    assert.equal(ended.code, 78, label);
    assert.match(ended.log, /^platform-auth: refuses to start: [^\n]+\n$/);
  }
});

test("the gate is a command of its own, for before `next start`", () => {
  const run = (env: Record<string, string>) => spawnSync(process.execPath, [new URL("../gate.ts", import.meta.url).pathname], { env, encoding: "utf8" });
  assert.equal(run({}).status, 78);
  assert.match(run({}).stderr, /^platform-auth: refuses to start: .+\n$/);
  assert.equal(run(environment("local", ISSUER.AUTH_LOCAL_ISSUER)).status, 0);
});

test("every marker of production refuses test mode", () => {
  for (const marker of [...MARKERS, "VERCEL_ENV"])
    assert.throws(() => read({ APP_ENV: "test", ...ISSUER, [marker]: "production" }, []), new RegExp(marker));
});

test("the backdoor needs loopback alone and a secret of 32 characters", () => {
  const good = { TEST_AUTH_SECRET: vectors.SECRET };
  for (const host of ["127.0.0.1", "::1", "localhost"]) openBackdoor({ ...good, HOST: host }, ["next", "--hostname", host]);
  for (const [env, argv] of [
    [{ HOST: "0.0.0.0" }, []], [{ HOST: "::" }, []], [{ HOST: "10.0.0.1" }, []], [{ HOST: "myhost" }, []],
    [{ HOST: "127.0.0.1" }, ["--hostname", "0.0.0.0"]], [{}, ["-H", "0.0.0.0"]], [{}, ["--hostname=0.0.0.0"]], [{}, ["-H"]],
  ] as [Record<string, string>, string[]][])
    assert.throws(() => openBackdoor({ ...good, ...env }, argv), /not loopback/);
  for (const secret of ["", "short", "s".repeat(31)]) assert.throws(() => openBackdoor({ TEST_AUTH_SECRET: secret }, []), /TEST_AUTH_SECRET/);
});

test("what cannot be meant refuses", () => {
  for (const [name, value] of [
    ["AUTH_LOCAL_ISSUER_KEYS", "x"], ["AUTH_LOCAL_ISSUER_KEYS", '{"keys": []}'],
    ["AUTH_LOCAL_ISSUER", ""], ["AUTH_LOCAL_ISSUER", "http://issuer.evil.example"], ["AUTH_LOCAL_ISSUER", "https://127.0.0.1"],
    ["AUTH_LOCAL_ISSUER", "http://8.8.8.8:80"], ["AUTH_LOCAL_ISSUER", "http://10.0.0.1.evil.example"], ["AUTH_LOCAL_ISSUER", "http://127.0.0.1/path"],
    ["AUTH_CLOCK_SKEW_S", "-1"], ["AUTH_CLOCK_SKEW_S", "61"], ["AUTH_CLOCK_SKEW_S", "5.0"],
    ["SERVICE_AUTH_TOKEN", "secret"], ["SERVICE_AUTH_TOKEN", "svc_short"], ["SERVICE_AUTH_TOKEN_PREVIOUS", `svc_${"ä".repeat(43)}`],
  ] as const)
    assert.throws(() => read({ APP_ENV: "development", ...ISSUER, [name]: value }, []), new RegExp(name), value);
  for (const parties of ["*", "https://*.example", "https://shop.example/", "shop.example", "https://a.example,*"])
    assert.throws(() => read({ ...KEYS.pem, AUTH_AUTHORIZED_PARTIES: parties }, []), /AUTH_AUTHORIZED_PARTIES/);
  for (const url of ["http://issuer:18084", "http://host.docker.internal:1", "http://[::1]:18084", "http://172.17.0.1:1"])
    assert.equal(read({ APP_ENV: "development", AUTH_LOCAL_ISSUER: url }, []).mode, "local");
});

test("a publishable key names issuer and keys", () => {
  const settings = read({ CLERK_PUBLISHABLE_KEY: PUBLISHABLE, ...PARTIES }, []);
  assert.deepEqual([settings.issuer, settings.jwksUrl], ["https://clerk.shop.example", "https://clerk.shop.example/.well-known/jwks.json"]);
});
