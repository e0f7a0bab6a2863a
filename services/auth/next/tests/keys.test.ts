/** Keys are kept, renewed and missed as documented, and a service recovers without a restart. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { AuthError } from "../lib/auth/errors.ts";
import { jwks, parse } from "../lib/auth/keys.ts";
import { Issuer, Service, environment } from "./service.ts";
import * as vectors from "./vectors.ts";

/** A JWKS that the test changes, takes away and counts, and a clock that it moves. */
function provider() {
  const state = { now: 0, asked: 0, kid: "old", away: false };
  const fetchText = async () => {
    state.asked += 1;
    if (state.away) throw new Error("away");
    return vectors.jwks(state.kid);
  };
  const keys = jwks("http://nowhere", fetchText, () => state.now * 1000);
  const code = (kid: string) => keys(kid).then(() => undefined, (error) => (error as AuthError).code);
  return { state, code };
}

test("rotated keys are found within 30 s, and the old ones end", async () => {
  const { state, code } = provider();
  assert.equal(await code("old"), undefined);
  state.kid = "new";
  assert.equal(await code("new"), "token_invalid");
  state.now = 31;
  assert.equal(await code("new"), undefined);
  assert.equal(await code("old"), "token_invalid");
  assert.equal(state.asked, 2);
});

test("keys are kept an hour, and an hour longer when the provider is away", async () => {
  const { state, code } = provider();
  await code("old");
  state.away = true;
  for (const now of [3599, 3601, 7199]) {
    state.now = now;
    assert.equal(await code("old"), undefined);
  }
  state.now = 7201;
  assert.equal(await code("old"), "identity_unavailable");
  state.away = false;
  state.now = 7232;
  assert.equal(await code("old"), undefined);
});

test("an unknown kid while the provider is away is nobody's fault; without any key it asks again after 2 s", async () => {
  const { state, code } = provider();
  state.away = true;
  for (let round = 0; round < 5; round++) assert.equal(await code("old"), "identity_unavailable");
  assert.equal(state.asked, 1);
  state.away = false;
  state.now = 2.1;
  assert.equal(await code("old"), undefined);
  state.away = true;
  state.now = 40;
  assert.equal(await code("other"), "identity_unavailable");
  assert.equal(await code("old"), undefined);
});

test("odd documents are an outage", () => {
  for (const document of ["", "[]", "{}", "null", '{"keys": []}', '{"keys": 7}', '{"keys": [7, null]}', '{"keys": [{"kty": "RSA", "kid": "x", "n": "AQAB", "e": "AQAB"}]}', '{"keys": [{"kty": "oct", "kid": "x", "k": "AA"}]}'])
    assert.throws(() => parse(document), document);
});

const bearer = (found: Partial<vectors.Case> = {}): [string, string][] => [["Authorization", `Bearer ${vectors.token(vectors.APPS.local!, found)}`]];

test("issuer away: 503 when cold, nothing when warm; a flood of unknown kids asks it once", async () => {
  const issuer = await new Issuer().start();
  await issuer.stop();
  const service = await Service.start(environment("local", issuer.url));
  try {
    const away = await service.get("/me", bearer());
    assert.deepEqual([away.status, away.body.error.code, away.headers["retry-after"]], [503, "identity_unavailable", "2"]);
    await issuer.start();
    let status = 0;
    for (let round = 0; round < 50 && status !== 200; round++) {
      await pause(100);
      status = (await service.get("/me", bearer())).status;
    }
    assert.equal(status, 200);
    const asked = issuer.asked;
    const flood = await Promise.all(Array.from({ length: 100 }, (_, number) => service.get("/me", bearer({ header: { kid: `ins_${number}` } }))));
    assert.deepEqual([...new Set(flood.map(({ status, body }) => `${status} ${body.error.code}`))], ["401 token_invalid"]);
    assert.ok(issuer.asked - asked <= 1);
    await issuer.stop();
    assert.equal((await service.get("/me", bearer())).status, 200);
  } finally {
    await service.stop();
    await issuer.stop();
  }
});

test("keys handed over are believed, and whoever has the issuer's port is not", async () => {
  const forged = [vectors.KID, "ins_forged"];
  let asked = 0;
  const fake = createServer((_, answer) => {
    asked += 1;
    answer.end(JSON.stringify({ keys: forged.map((kid) => ({ ...vectors.jwk(vectors.OTHER.publicKey), kid })) }));
  }).listen(0, "127.0.0.1");
  await once(fake, "listening");
  try {
    for (const mode of ["local", "test"]) {
      const environ = environment(mode, `http://127.0.0.1:${(fake.address() as AddressInfo).port}`);
      const service = await Service.start({ ...environ, AUTH_LOCAL_ISSUER_KEYS: vectors.jwks() });
      try {
        for (const kid of forged) {
          const { status, body } = await service.get("/me", bearer({ sign: { key: "other" }, header: { kid } }));
          assert.deepEqual([status, body.error.code], [401, "token_invalid"]);
        }
        assert.equal((await service.get("/me", bearer())).status, 200);
      } finally {
        await service.stop();
      }
    }
    assert.equal(asked, 0);
  } finally {
    fake.closeAllConnections();
    fake.close();
  }
});

test("a clock that is off by 10 s is token_invalid unless allowed", async () => {
  const issuer = await new Issuer().start();
  const ahead = bearer({ claims: { iat: { now: 10 }, nbf: { now: 10 }, exp: { now: 70 } } });
  for (const [skew, status] of [["5", 401], ["15", 200]] as const) {
    const service = await Service.start({ ...environment("local", issuer.url), AUTH_CLOCK_SKEW_S: skew });
    assert.equal((await service.get("/me", ahead)).status, status);
    await service.stop();
  }
  await issuer.stop();
});
