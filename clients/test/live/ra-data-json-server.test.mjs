/** react-admin's `ra-data-json-server`, given nothing but a base URL. */
import assert from "node:assert/strict";
import { test } from "node:test";

import jsonServer from "ra-data-json-server";

import { base, ids, index, refused } from "./shared.mjs";

const provider = jsonServer(base("ra-data-json-server"));
const list = (params) =>
  provider.getList(index, { pagination: { page: 1, perPage: 5 }, sort: { field: "id", order: "ASC" }, filter: {}, ...params });

test("a list is filtered, sorted and paged, and its total counted", async () => {
  const found = await list({ sort: { field: "amount", order: "DESC" }, filter: { status: "paid", account: { id: 3 } }, pagination: { page: 2, perPage: 3 } });
  assert.deepEqual(ids(found), [9983, 9963, 9943]);
  assert.equal(found.total, 503);
  const total = async (filter) => (await list({ filter })).total;
  assert.equal(await total({ status: ["paid", "draft"] }), 5024);
  assert.equal(await total({ amount_gte: 5000, amount_lte: 9000 }), 5);
  assert.equal(await total({ status_ne: "paid", amount_lte: 8000 }), 6);
  assert.equal(await total({ contract_no_like: "k-0001" }), 10);
  assert.equal(await total({ q: "유지보수 17" }), 1);
});

test("documents are found by their ids, and by what they refer to", async () => {
  assert.equal((await provider.getOne(index, { id: 7 })).data.contract_no, "K-00007");
  assert.deepEqual(ids(await provider.getMany(index, { ids: [3, 1, 99999] })).sort(), [1, 3]);
  assert.deepEqual(ids(await provider.getMany(index, { ids: [3] })), [3]);
  const params = { target: "account.id", id: 3, pagination: { page: 1, perPage: 2 }, sort: { field: "id", order: "ASC" }, filter: {} };
  const found = await provider.getManyReference(index, params);
  assert.deepEqual([ids(found), found.total], [[3, 13], 1005]);
});

test("pages end where the window does, and nothing is written or guessed", async () => {
  assert.equal((await list({})).total, 10_000);
  const beyond = await refused(list({ pagination: { page: 401, perPage: 25 } }));
  assert.deepEqual([beyond.status, beyond.message], [422, "pages reach the first 10000 rows"]);
  assert.match((await refused(list({ filter: { settlements: { amount: 5 } } }))).message, /elements of `settlements`/);
  assert.match((await refused(list({ meta: { embed: "account" } }))).message, /unknown parameter `_embed`/);
  assert.equal((await refused(provider.create(index, { data: {} }))).status, 405);
  assert.equal((await refused(provider.update(index, { id: 1, data: {}, previousData: { id: 1 } }))).status, 405);
  assert.equal((await refused(provider.delete(index, { id: 1 }))).status, 405);
});
