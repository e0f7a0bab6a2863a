/** The running platform without a browser: who may ask what, an order on its way, and whose it is. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { service, token, user } from "../callers.mjs";

const { CATALOG_URL, NOTIFIER_URL, ORDERS_URL, WEB_URL } = process.env;
const NOBODY = "00000000-0000-4000-8000-000000000000";
const native = process.env.DEV_PLACEMENT !== "docker" && process.env.APP_ENV === "test";
const run = Date.now().toString(36); // users of this run alone
const ada = await user(`ada_${run}`);
const bob = await user(`bob_${run}`);

async function get(url, headers) {
  const answer = await fetch(url, { headers });
  return { status: answer.status, headers: answer.headers, body: await answer.json() };
}

async function place(headers, wish) {
  const init = { method: "POST", headers: { ...headers, "content-type": "application/json" }, body: JSON.stringify(wish) };
  const answer = await fetch(`${ORDERS_URL}/orders`, init);
  return { status: answer.status, headers: answer.headers, body: await answer.json() };
}

async function until(look, seconds = 30) {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await pause(100)) {
    const seen = await look();
    if (seen) return seen;
  }
  assert.fail(`not within ${seconds} s`);
}

test("an order is its user's from the catalog to the notification", { timeout: 90_000 }, async () => {
  const products = (await get(`${CATALOG_URL}/products`, ada)).body;
  assert.ok(products.length > 0);
  const placed = await place(ada, { product_id: products[0].id, quantity: 2 });
  assert.equal(placed.status, 201);
  assert.equal(placed.headers.get("x-auth-mode"), native ? "test" : null);
  assert.equal(placed.body.total_cents, 2 * products[0].price_cents);
  const { id, user_id } = placed.body;

  await until(async () => (await get(`${ORDERS_URL}/orders/${id}`, ada)).body.status === "published");
  const heard = await until(async () => {
    const seen = await get(`${NOTIFIER_URL}/notifications/${id}`, ada);
    return seen.status === 200 && seen.body;
  });
  assert.equal(heard.product_name, products[0].name);
  assert.equal(heard.total_cents, placed.body.total_cents, "the notifier asked orders on behalf of the user");

  assert.deepEqual((await get(`${ORDERS_URL}/orders`, ada)).body.map((order) => order.id), [id]);
  assert.deepEqual((await get(`${ORDERS_URL}/orders`, bob)).body, []);
  for (const url of [`${ORDERS_URL}/orders/${id}`, `${NOTIFIER_URL}/notifications/${id}`]) {
    assert.equal((await get(url, bob)).status, 404);
    assert.equal((await get(url, service(user_id))).status, 200);
  }
  const page = await (await fetch(WEB_URL, { headers: ada })).text();
  assert.ok(page.includes(`data-testid="order-${id}"`));
});

test("the first requests of one user at once make one user", { timeout: 60_000 }, async () => {
  const new_one = await user(`new_${run}`);
  const first = await Promise.all(Array.from({ length: 16 }, () => place(new_one, { product_id: "desk-lamp", quantity: 1 })));
  assert.deepEqual([...new Set(first.map((answer) => answer.status))], [201]);
  assert.equal(new Set(first.map((answer) => answer.body.user_id)).size, 1);
});

test("who may not ask is told so, the same way everywhere", async () => {
  const signed = { authorization: `Bearer ${await token("mallory")}` };
  const cases = [
    [{}, 401, "auth_required"],
    [service(), 401, "auth_required"],
    [{ authorization: "Bearer nonsense" }, 401, "token_invalid"],
    [{ authorization: `${signed.authorization.slice(0, -4)}AAAA` }, 401, "token_invalid"],
    [{ ...signed, "x-service-token": "svc_guessed" }, 401, "service_token_invalid"],
    [{ "x-on-behalf-of": NOBODY }, 401, "service_token_invalid"],
    [service(NOBODY), 403, "forbidden"],
    [{ "x-test-user": "ada", "x-test-secret": "guessed" }, 401, "auth_required"],
    ...(native ? [] : [[{ "x-test-user": "ada", "x-test-secret": process.env.TEST_AUTH_SECRET ?? "" }, 401, "auth_required"]]),
  ];
  for (const url of [`${CATALOG_URL}/products`, `${ORDERS_URL}/orders`, `${NOTIFIER_URL}/notifications`])
    for (const [headers, status, code] of cases) {
      const { body, ...answer } = await get(url, headers);
      assert.deepEqual([answer.status, body.error.code], [status, code], `${url} ${JSON.stringify(Object.keys(headers))}`);
      assert.equal(answer.headers.get("cache-control"), "no-store");
      assert.equal(answer.headers.has("www-authenticate"), status === 401);
    }
  assert.equal((await get(`${CATALOG_URL}/products/desk-lamp`, ada)).body.error.code, "forbidden", "for services alone");
});

test("an order of what the catalog does not have is refused", async () => {
  assert.equal((await place(ada, { product_id: "nothing", quantity: 1 })).status, 422);
});

test("health and readiness are open", async () => {
  for (const url of [CATALOG_URL, ORDERS_URL, NOTIFIER_URL])
    for (const path of ["/healthz", "/readyz"]) assert.equal((await get(url + path)).status, 200);
  assert.equal((await get(`${WEB_URL}/api/healthz`)).status, 200);
});
