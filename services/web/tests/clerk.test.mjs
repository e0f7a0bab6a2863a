/** Clerk's keys are the whole switch. Its instance here is one that nobody runs: tokens are made with a key of this test. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createSign, generateKeyPairSync } from "node:crypto";
import { createServer } from "node:net";
import { after, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

const HOST = "clerk.shop.example";
const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const port = await new Promise((found) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const { port } = server.address();
    server.close(() => found(port));
  });
});
const origin = `http://127.0.0.1:${port}`;
const SECRET = `sk_live_${"a".repeat(40)}`;
const web = spawn(process.execPath, ["node_modules/next/dist/bin/next", "dev", "-H", "127.0.0.1", "-p", String(port)], {
  env: {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    NEXT_DIST_DIR: ".next/clerk-test",
    NEXT_TELEMETRY_DISABLED: "1",
    CLERK_TELEMETRY_DISABLED: "1",
    APP_ENV: "development",
    AUTH_AUTHORIZED_PARTIES: origin,
    CLERK_PUBLISHABLE_KEY: `pk_live_${Buffer.from(`${HOST}$`).toString("base64")}`,
    CLERK_SECRET_KEY: SECRET,
    CLERK_JWT_KEY: publicKey.export({ type: "spki", format: "pem" }),
  },
  stdio: "ignore",
});
after(() => web.kill());

function token() {
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: `https://${HOST}`, azp: origin, sub: "user_2abc", sid: "sess_1", iat: now, nbf: now, exp: now + 60, v: 2, sts: "active", name: "Grace Hopper" };
  const signed = `${encode({ alg: "RS256", typ: "JWT", kid: "ins_1" })}.${encode(claims)}`;
  return `${signed}.${createSign("RSA-SHA256").update(signed).sign(privateKey, "base64url")}`;
}

async function page(cookie) {
  const headers = { accept: "text/html", "sec-fetch-dest": "document", ...(cookie && { cookie: `${cookie}; __client_uat=1` }) };
  for (const end = Date.now() + 60_000; ; await pause(200)) {
    try {
      const answer = await fetch(origin, { headers, redirect: "manual" });
      return { status: answer.status, text: await answer.text() };
    } catch (error) {
      if (Date.now() > end) throw error;
    }
  }
}

test("with Clerk's keys, its tokens are believed, and the local issuer's routes are gone", { timeout: 120_000 }, async () => {
  const nobody = await page();
  assert.equal(nobody.status, 200);
  assert.ok(nobody.text.includes('data-testid="signed-out"') && nobody.text.includes(`https://${HOST}/npm/@clerk/clerk-js`));
  assert.ok(!nobody.text.includes(SECRET));
  const known = await page(`__session=${token()}`);
  assert.ok(known.status === 200 && known.text.includes("Grace Hopper"));
  const forged = await page(`__session=${token().slice(0, -8)}AAAAAAAA`);
  assert.ok(!forged.text.includes("Grace Hopper"));
  for (const step of ["sign-in", "callback"]) assert.equal((await fetch(`${origin}/api/auth/${step}`)).status, 404);
});
