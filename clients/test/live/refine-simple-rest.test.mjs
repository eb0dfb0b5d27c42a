/** Refine's `@refinedev/simple-rest`, given nothing but a base URL. */
import assert from "node:assert/strict";
import { test } from "node:test";

import simpleRest from "@refinedev/simple-rest";

import { base, ids, index, refused } from "./shared.mjs";

const provider = simpleRest(base("refine-simple-rest"));
const equal = simpleRest(base("refine-simple-rest-eq"));
const is = (field, operator, value) => ({ field, operator, value });
const list = (filters = [], others = {}, of = provider) =>
  of.getList({ resource: index, pagination: { currentPage: 1, pageSize: 5 }, sorters: [{ field: "id", order: "asc" }], filters, ...others });

test("a list is filtered, sorted and paged, and its total counted", async () => {
  const sorters = [{ field: "status", order: "desc" }, { field: "amount", order: "desc" }];
  const found = await list([is("amount", "lte", 100_000)], { sorters, pagination: { currentPage: 2, pageSize: 5 } });
  assert.deepEqual([ids(found), found.total], [[79, 75, 71, 67, 63], 100]);
  const total = async (...filters) => (await list(filters)).total;
  assert.equal(await total(is("amount", "gte", 5000), is("amount", "lte", 9000)), 5);
  assert.equal(await total(is("status", "ne", "paid"), is("amount", "lte", 8000)), 6);
  assert.equal(await total(is("contract_no", "contains", "k-0001")), 10);
  assert.equal(await total(is("q", "contains", "유지보수 17")), 1);
  assert.equal(await total(), 10_000);
});

test("documents are found by their ids", async () => {
  assert.equal((await provider.getOne({ resource: index, id: 7 })).data.contract_no, "K-00007");
  assert.deepEqual(ids(await provider.getMany({ resource: index, ids: [3, 1, 99999] })).sort(), [1, 3]);
});

test("an operator that was dropped is not taken for equality", async () => {
  for (const operator of ["eq", "gt", "lt", "nin", "null", "startswith", "between"]) {
    const error = await refused(list([is("amount", operator, operator === "between" ? [1, 5] : 5)]));
    assert.equal(error.statusCode, 400, operator);
    assert.match(error.message, /what is asked of `amount` has lost its operator/);
  }
  assert.match((await refused(list([is("status", "in", ["paid", "draft"])]))).message, /lost its operator/);
});

test("whoever filters by equality alone may say so in the address", async () => {
  const found = await list([is("status", "eq", "paid"), is("account.id", "eq", 3)], {}, equal);
  assert.deepEqual([ids(found), found.total], [[3, 23, 43, 63, 83], 503]);
  assert.match((await refused(list([is("status", "in", ["paid", "draft"])], {}, equal))).message, /several values, and no operator/);
  assert.match((await refused(list([is("status", "null", null)], {}, equal))).message, /a value is expected/);
});

test("all rows are all rows, pages end where the window does, and nothing is written", async () => {
  const off = { pagination: { mode: "off" } };
  assert.equal((await list([is("amount", "lte", 150_000)], off)).data.length, 150);
  assert.equal((await refused(list([], off))).statusCode, 422);
  const beyond = await refused(list([], { pagination: { currentPage: 401, pageSize: 25 } }));
  assert.deepEqual([beyond.statusCode, beyond.message], [422, "pages reach the first 10000 rows"]);
  const writes = [
    () => provider.create({ resource: index, variables: {} }),
    () => provider.update({ resource: index, id: 1, variables: {} }),
    () => provider.deleteOne({ resource: index, id: 1 }),
  ];
  for (const write of writes) assert.equal((await refused(write())).statusCode, 405);
});
