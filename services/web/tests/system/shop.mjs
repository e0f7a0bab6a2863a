/** The running platform as a customer meets it: sign-in at the local issuer, the page in a real browser, the order, the way out. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { link } from "../callers.mjs";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome";
const unique = Date.now().toString(36);
let browser;

function installed() {
  const places = process.env.PATH.split(delimiter).flatMap((folder) => NAMES.map((name) => join(folder, name)));
  return [...places, MAC].find(existsSync);
}

before(async () => {
  const executablePath = installed();
  assert.ok(executablePath, `none of ${NAMES.join(", ")} is on PATH; ./dev test --yes installs one`);
  const args = process.getuid() === 0 ? ["--no-sandbox"] : [];
  browser = await chromium.launch({ executablePath, args });
});
after(() => browser?.close());

/** A page of a browser that may use the issuer, whose user has just signed in. */
async function signedIn(page, user, picture = () => {}) {
  await page.goto(await link(`${process.env.WEB_URL}/`), { timeout: 60_000 });
  await page.waitForURL(`${process.env.WEB_URL}/`);
  await page.getByTestId("sign-in").click();
  await page.getByLabel("Somebody else").fill(user);
  await picture("3-sign-in");
  await page.getByRole("button", { name: "Sign in" }).click();
  assert.equal((await page.getByTestId("user").innerText()).toLowerCase(), user);
}

/** Order the first product; its name, once its notification has come. What the page shows otherwise is in the error. */
async function ordered(page, meanwhile = () => {}) {
  const product = page.getByTestId(/^product-/).first();
  const name = await product.getByRole("heading").innerText();
  await product.getByRole("button", { name: "Order" }).click();
  await meanwhile();
  await page.getByTestId("notification-received").waitFor({ timeout: 30_000 }).catch(async (error) => {
    error.message += `\nthe page: ${(await page.locator("body").innerText()).replace(/\s+/g, " ")}`;
    throw error;
  });
  assert.equal(await page.getByTestId("order-status").innerText(), "published");
  return name;
}

test("a customer signs in, orders, sees it published, and signs out", { timeout: 120_000 }, async () => {
  const customer = `eve_${unique}`;
  const context = await browser.newContext();
  const page = await context.newPage();
  const troubles = [];
  const picture = (name) => process.env.SCREENSHOTS && page.screenshot({ path: join(process.env.SCREENSHOTS, `${name}.png`), fullPage: true });
  // React's error of a page that is left while the server still sends it, as a slow one may be here
  page.on("pageerror", (error) => error.message === "Connection closed." || troubles.push(String(error)));

  await page.goto(process.env.WEB_URL, { timeout: 60_000 });
  await page.getByTestId("signed-out").waitFor();
  await picture("1-signed-out");
  await page.getByTestId("sign-in").click();
  await page.getByText("This browser is not let in yet").waitFor();
  await picture("2-not-let-in");

  await signedIn(page, customer, picture);
  await picture("4-shop");

  const name = await ordered(page);
  const row = page.getByTestId(/^order-[0-9a-f-]{36}$/).filter({ hasText: "published" });
  assert.ok((await row.innerText()).includes(name));
  await picture("5-ordered");

  const cookies = await context.cookies();
  assert.ok(cookies.some((cookie) => cookie.name === "__session"));
  assert.ok(cookies.every((cookie) => cookie.httpOnly && cookie.sameSite === "Lax"), "no script can read a session");
  const sent = await page.content();
  for (const secret of ["SERVICE_AUTH_TOKEN", "AUTH_ISSUER_SECRET", "TEST_AUTH_SECRET"])
    assert.ok(process.env[secret] && !sent.includes(process.env[secret]), `${secret} is in the page`);

  // The token lives a minute; the next page renews what has ended.
  await context.clearCookies({ name: "__session" });
  await page.reload();
  assert.equal((await page.getByTestId("user").innerText()).toLowerCase(), customer);

  await page.getByTestId("sign-out").click();
  await page.getByTestId("signed-out").waitFor();
  await picture("6-signed-out");
  assert.deepEqual((await context.cookies()).filter((cookie) => /^__(session|refresh)$/.test(cookie.name)), []);
  assert.deepEqual(troubles, []);
});

test("an order counts that is placed before the scripts of the page have come", { timeout: 120_000 }, async () => {
  const page = await browser.newPage();
  await signedIn(page, `mallory_${unique}`);
  let release;
  const released = new Promise((resolve) => (release = resolve));
  await page.route(/\.js(\?|$)/, async (route) => {
    await released;
    await route.continue();
  });
  await page.goto(process.env.WEB_URL, { waitUntil: "commit" });
  await ordered(page, async () => {
    await page.getByTestId("order-status").waitFor();
    release();
  });
});
