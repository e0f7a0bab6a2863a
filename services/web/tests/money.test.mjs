import assert from "node:assert/strict";
import { test } from "node:test";
import { euros } from "../lib/money.mjs";

test("cents are shown as euros", () => {
  assert.equal(euros(1400), "€14.00");
  assert.equal(euros(5), "€0.05");
  assert.equal(euros(123456), "€1,234.56");
});
