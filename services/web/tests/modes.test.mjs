/** The environment is the whole switch. Clerk's instance here is one that nobody runs: its tokens are made with a key of this test. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createSign, generateKeyPairSync } from "node:crypto";
import { createServer } from "node:net";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

const HOST = "clerk.shop.example";
const SECRET = `sk_live_${"a".repeat(40)}`;
const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });

/** The page's server in a mode of its own, until the test ends. */
async function web(t, environment) {
  const port = await new Promise((found) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => found(port));
    });
  });
  const origin = `http://127.0.0.1:${port}`;
  const { PATH, HOME } = process.env;
  const quiet = { NEXT_DIST_DIR: ".next/modes-test", NEXT_TELEMETRY_DISABLED: "1", CLERK_TELEMETRY_DISABLED: "1" };
  const argv = ["node_modules/next/dist/bin/next", "dev", "-H", "127.0.0.1", "-p", String(port)];
  const server = spawn(process.execPath, argv, { env: { PATH, HOME, ...quiet, ...environment(origin) }, stdio: "ignore" });
  const ended = new Promise((told) => server.on("exit", told));
  t.after(async () => {
    server.kill();
    await ended;
  });
  return origin;
}

function token(issuer, origin) {
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: issuer, azp: origin, sub: "user_2abc", sid: "sess_1", iat: now, nbf: now, exp: now + 60, v: 2, sts: "active", name: "Grace Hopper" };
  const signed = `${encode({ alg: "RS256", typ: "JWT", kid: "ins_1" })}.${encode(claims)}`;
  return `${signed}.${createSign("RSA-SHA256").update(signed).sign(privateKey, "base64url")}`;
}

async function page(origin, session) {
  const cookie = session && `__session=${session}; __client_uat=1`;
  const headers = { accept: "text/html", "sec-fetch-dest": "document", ...(cookie && { cookie }) };
  for (const end = Date.now() + 60_000; ; await pause(200)) {
    try {
      const answer = await fetch(origin, { headers, redirect: "manual" });
      return { status: answer.status, text: await answer.text() };
    } catch (error) {
      if (Date.now() > end) throw error;
    }
  }
}

test("with Clerk's keys, its tokens are believed, and the local issuer's routes are gone", { timeout: 120_000 }, async (t) => {
  const origin = await web(t, (origin) => ({
    APP_ENV: "development",
    AUTH_AUTHORIZED_PARTIES: origin,
    CLERK_PUBLISHABLE_KEY: `pk_live_${Buffer.from(`${HOST}$`).toString("base64")}`,
    CLERK_SECRET_KEY: SECRET,
    CLERK_JWT_KEY: publicKey.export({ type: "spki", format: "pem" }),
  }));
  const nobody = await page(origin);
  assert.equal(nobody.status, 200);
  assert.ok(nobody.text.includes('data-testid="signed-out"') && nobody.text.includes(`https://${HOST}/npm/@clerk/clerk-js`));
  assert.ok(!nobody.text.includes(SECRET));
  const good = token(`https://${HOST}`, origin);
  const known = await page(origin, good);
  assert.ok(known.status === 200 && known.text.includes("Grace Hopper"));
  const forged = await page(origin, `${good.slice(0, -8)}AAAAAAAA`);
  assert.ok(!forged.text.includes("Grace Hopper"));
  for (const step of ["sign-in", "callback"]) assert.equal((await fetch(`${origin}/api/auth/${step}`)).status, 404);
});

test("while the local issuer is away, the page says that nobody can be told, and goes on", { timeout: 120_000 }, async (t) => {
  const origin = await web(t, () => ({ APP_ENV: "development", AUTH_LOCAL_ISSUER: "http://127.0.0.1:1" }));
  const nobody = await page(origin);
  assert.ok(nobody.status === 200 && nobody.text.includes('data-testid="sign-in"') && !nobody.text.includes("clerk-js"));
  assert.ok(!nobody.text.includes('role="alert"'));
  const unknown = await page(origin, token("urn:platform:local", "urn:platform:web"));
  assert.ok(unknown.status === 200 && unknown.text.includes("who you are cannot be told"));
  assert.ok(!unknown.text.includes("Grace Hopper"));
});
