/** The running platform as a customer meets it: the page in a real browser, the order, the notification. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome";
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

test("a customer sees the catalog, orders, and the notifier hears of it", { timeout: 90_000 }, async () => {
  const page = await browser.newPage();
  const troubles = [];
  page.on("pageerror", (error) => troubles.push(String(error)));
  await page.goto(process.env.WEB_URL, { timeout: 60_000 });
  const products = await (await fetch(`${process.env.CATALOG_URL}/products`)).json();
  assert.ok(products.length > 0);
  for (const product of products) {
    assert.ok((await page.getByTestId(`product-${product.id}`).innerText()).includes(product.name));
  }
  await page.getByTestId(`order-button-${products[0].id}`).click();
  await page.getByTestId("notification-received").waitFor({ timeout: 30_000 });
  assert.equal(await page.getByTestId("order-status").innerText(), "published");
  assert.deepEqual(troubles, []);
  if (process.env.SCREENSHOT) await page.screenshot({ path: process.env.SCREENSHOT });

  const orders = await (await fetch(`${process.env.ORDERS_URL}/orders`)).json();
  const heard = await (await fetch(`${process.env.NOTIFIER_URL}/notifications/${orders[0].id}`)).json();
  assert.equal(heard.product_name, products[0].name);
});

test("an order of what the catalog does not have is refused", async () => {
  const answer = await fetch(`${process.env.ORDERS_URL}/orders`, {
    method: "POST",
    body: JSON.stringify({ product_id: "nothing", quantity: 1 }),
  });
  assert.equal(answer.status, 422);
});
