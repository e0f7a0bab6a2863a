/** A browser signs in at the real local issuer, is renewed before its minute ends, and signs out. */
import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { Service, environment, freePort } from "./service.ts";
import { SERVICE } from "./vectors.ts";

const folder = mkdtempSync(`${tmpdir()}/platform-auth-`);
const go = (() => {
  try {
    return execFileSync("go", ["version"], { encoding: "utf8" });
  } catch {
    return "";
  }
})();
const skip = go ? false : "needs Go to build the issuer";
let issuer: ChildProcess;
let issuerUrl: string;
let web: Service;

before(async () => {
  if (skip) return;
  execFileSync("go", ["build", "-o", `${folder}/issuer`, "."], { cwd: new URL("../../issuer", import.meta.url) });
  const [issuerPort, webPort] = [await freePort(), await freePort()];
  issuerUrl = `http://127.0.0.1:${issuerPort}`;
  const env = { APP_ENV: "development", PORT: String(issuerPort), AUTH_STATE_DIR: `${folder}/state`, AUTH_WEB_ORIGINS: `http://127.0.0.1:${webPort}` };
  issuer = spawn(`${folder}/issuer`, { env, stdio: "ignore" });
  for (let round = 0; round < 200; round++) {
    if (await fetch(`${issuerUrl}/readyz`).then((answer) => answer.ok, () => false)) break;
    await pause(20);
  }
  web = new Service(webPort, environment("local", issuerUrl));
  assert.ok((await web.settled()).opened, web.log);
});
after(async () => {
  await web?.stop();
  issuer?.kill();
  rmSync(folder, { recursive: true });
});

const value = (cookies: string[], name: string) => cookies.find((cookie) => cookie.startsWith(`${name}=`))?.split(";")[0] ?? "";

async function tool(path: string, body: object) {
  const secret = readFileSync(`${folder}/state/issuer_secret`, "utf8").trim();
  const headers = { "Content-Type": "application/json", "X-Issuer-Secret": secret };
  return (await (await fetch(issuerUrl + path, { method: "POST", headers, body: JSON.stringify(body) })).json()) as Record<string, string>;
}

/** From the application to the issuer and back, as a browser would go; gives the address it is led back to. */
async function signedInAt(begun: Record<string, string>, user = "alice"): Promise<string> {
  const { url = "" } = await tool("/v1/links", {});
  const pass = /"pass", "([^"]+)"/.exec(await (await fetch(url)).text())?.[1] ?? "";
  const asked = new URL(begun.location ?? "").searchParams;
  const form = new URLSearchParams({ user, pass, redirect_url: asked.get("redirect_url") ?? "", challenge: asked.get("challenge") ?? "" });
  const answer = await fetch(`${issuerUrl}/sign-in`, { method: "POST", body: form, headers: { Origin: issuerUrl }, redirect: "manual" });
  assert.equal(answer.status, 303);
  return answer.headers.get("location") ?? "";
}

test("sign-in, renewal, sign-out", { skip }, async () => {
  const begun = await web.get("/api/auth/sign-in?return_to=/orders?x=1");
  assert.equal(begun.status, 303);
  assert.ok(begun.headers.location?.startsWith(`${issuerUrl}/sign-in?`));
  assert.ok(begun.cookies.every((cookie) => cookie.includes("HttpOnly; SameSite=Lax")));
  const led = new URL(await signedInAt(begun.headers));
  assert.equal(led.origin, `http://127.0.0.1:${web.port}`);
  const back = await web.get(led.pathname + led.search, [["Cookie", value(begun.cookies, "__sign_in")]]);
  assert.deepEqual([back.status, back.headers.location], [303, "/orders?x=1"]);
  const [session, refresh] = [value(back.cookies, "__session"), value(back.cookies, "__refresh")];
  const me = await web.get("/me", [["Cookie", session]]);
  assert.deepEqual([me.status, me.body.subject, me.body.email], [200, "user_local_alice", "alice@example.test"]);
  assert.deepEqual(me.body.outgoing, { "X-Service-Token": SERVICE, Authorization: `Bearer ${session.slice("__session=".length)}` });

  assert.deepEqual((await web.get("/renew", [["Cookie", `${session}; ${refresh}`]])).body, {}, "there is time left");
  const renewed = (await web.get("/renew", [["Cookie", refresh]])).body;
  assert.equal((await web.get("/me", [["Authorization", `Bearer ${renewed.token}`]])).status, 200);
  assert.ok(renewed.setCookies[0].startsWith(`__session=${renewed.token};`));

  const cookie: [string, string] = ["Cookie", `${session}; ${refresh}`];
  assert.equal((await web.send("POST", "/api/auth/sign-out", [cookie])).status, 403, "no Origin");
  assert.equal((await web.send("POST", "/api/auth/sign-out", [cookie, ["Origin", "https://evil.example"]])).status, 403);
  const out = await web.send("POST", "/api/auth/sign-out", [cookie, ["Origin", `http://127.0.0.1:${web.port}`]]);
  assert.deepEqual([out.status, value(out.cookies, "__session"), value(out.cookies, "__refresh")], [303, "__session=", "__refresh="]);
  const ended = (await web.get("/renew", [["Cookie", refresh]])).body;
  assert.deepEqual([ended.token, ended.setCookies.length], [undefined, 2]);
});

test("a code is of no use in another browser, and leads to this site alone", { skip }, async () => {
  const begun = await web.get("/api/auth/sign-in?return_to=//evil.example");
  const led = new URL(await signedInAt(begun.headers, "mallory"));
  const stolen = await web.get(led.pathname + led.search, [["Cookie", `__sign_in=${"x".repeat(43)}.%2F`]]);
  assert.deepEqual([stolen.headers.location, value(stolen.cookies, "__session")], ["/?sign_in=failed", ""]);
  for (const path of ["//evil.example", "/\\evil.example", "https://evil.example", "/x\r\ny"]) {
    const again = await web.get(`/api/auth/sign-in?return_to=${encodeURIComponent(path)}`);
    assert.ok(value(again.cookies, "__sign_in").endsWith(".%2F"), path);
  }
});

test("tokens for tools are taken as well", { skip }, async () => {
  const { token } = await tool("/v1/sessions", { user: "carol", org: "acme:admin" });
  const me = await web.get("/me", [["Authorization", `Bearer ${token}`]]);
  assert.deepEqual([me.body.subject, me.body.org_id, me.body.org_role], ["user_local_carol", "org_local_acme", "admin"]);
});
