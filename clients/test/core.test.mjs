/** What the providers send, and what they make of answers; nothing is asked of a server. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { Client, all } from "prejoin-data-provider";
import { dataProvider as reactAdmin } from "prejoin-data-provider/react-admin";
import { dataProvider as refine, said } from "prejoin-data-provider/refine";

/** A `fetch` that answers each request with these, and keeps what was asked. */
function answering(...answers) {
  const asked = [];
  const fetch = async (url, request) => {
    asked.push({ url, headers: request.headers, body: request.body && JSON.parse(request.body) });
    const { status = 200, ...body } = answers.shift() ?? {};
    return new Response(JSON.stringify(body), { status });
  };
  return { asked, fetch };
}
const page = (data, others = {}) => ({ data, page: { size: 5, next: null, has_next: false }, meta: {}, ...others });
/** The search that a list of react-admin asks for. */
async function listed(params, options = {}) {
  const { asked, fetch } = answering(page([]));
  await reactAdmin("http://x", { fetch, ...options }).getList("contracts", { filter: {}, ...params });
  return asked[0].body;
}

test("a document's own id stays what it is where it is the one that it is found by", async () => {
  const { fetch } = answering(page([{ _id: "17", id: 17 }, { _id: "K-1", id: 17, a: 1 }, { _id: "K-2" }]));
  const { data } = await new Client("http://x/", { fetch }).search("contracts", {});
  assert.deepEqual(data, [{ id: 17 }, { id: "K-1", a: 1 }, { id: "K-2" }]);
});

test("a form's filter is written out", async () => {
  const { asked, fetch } = answering(page([]));
  const filter = {
    q: " 삼성 ", status: "active", grade: ["A", "B"], memo: null, id: [1, 2], left: undefined,
    manager: { name: "김철수", team: { id: 3 } }, amount: { gte: 5, lt: 9 }, settlements: { some: { status: { eq: "overdue" } } },
    or: [{ status: "draft" }, { not: { paid: true } }],
  };
  const meta = { facets: { status: {} }, sort: [{ field: "contract_no" }] };
  await reactAdmin("http://x", { fetch }).getList("contracts", { pagination: { page: 3, perPage: 5 }, sort: { field: "amount", order: "DESC" }, filter, meta });
  assert.equal(asked[0].url, "http://x/v1/contracts/search");
  assert.deepEqual(asked[0].body, {
    facets: { status: {} },
    q: { text: " 삼성 " },
    filter: { and: [
      { status: { eq: "active" } }, { grade: { in: ["A", "B"] } }, { memo: { exists: false } }, { _id: { in: ["1", "2"] } },
      { "manager.name": { eq: "김철수" } }, { "manager.team.id": { eq: 3 } }, { amount: { gte: 5, lt: 9 } },
      { settlements: { some: { status: { eq: "overdue" } } } }, { or: [{ status: { eq: "draft" } }, { not: { paid: { eq: true } } }] },
    ] },
    sort: [{ field: "amount", order: "desc" }, { field: "contract_no" }],
    page: { size: 5, number: 3 },
  });
});

test("what a form has left empty is no filter, and what says nothing is refused", async () => {
  const filter = async (short) => (await listed({ filter: short })).filter;
  const day = new Date("2026-01-31T00:00:00Z");
  assert.deepEqual(await filter({ signed_at: day }), { signed_at: { eq: "2026-01-31T00:00:00.000Z" } });
  assert.deepEqual(await filter({ signed_at: { toJSON: () => "2026-01-31" } }), { signed_at: { eq: "2026-01-31" } });
  assert.deepEqual(await filter({ signed_at: { gte: day } }), { signed_at: { gte: "2026-01-31T00:00:00.000Z" } });
  assert.deepEqual(await filter({ a: undefined, amount: { gte: undefined }, or: [{ b: undefined }], not: { c: undefined } }), {});
  assert.deepEqual(await filter({ or: [{ b: undefined }, { c: 1 }], amount: { gte: undefined, lt: 5 } }), {
    and: [{ or: [{ c: { eq: 1 } }] }, { amount: { lt: 5 } }],
  });
  class Money {}
  const wrong = [
    { a: {} }, { a: { b: {} } }, { or: [{}] }, { or: [null] }, { not: {} }, { a: new Date(NaN) }, { a: Number.NaN }, { a: [null] }, { a: [[1]] },
    { a: new Money() }, { a: new Map([["gte", 1]]) }, { q: 5 }, { q: ["a"] },
  ];
  for (const short of wrong) await assert.rejects(filter(short), { name: "PrejoinError", status: 0, code: "invalid_value" });
});

test("a reference is asked for beside the list's filter", async () => {
  const { asked, fetch } = answering(page([]));
  const params = { target: "account.id", id: 3, pagination: { page: 1, perPage: 5 }, sort: { field: "a", order: "ASC" }, filter: { "account.id": [3, 4] } };
  await reactAdmin("http://x", { fetch }).getManyReference("contracts", params);
  assert.deepEqual(asked[0].body.filter, { and: [{ "account.id": { in: [3, 4] } }, { "account.id": { eq: 3 } }] });
});

test("what else is in meta is the app's own, and one document is shown as a list shows it", async () => {
  const body = await listed({ meta: { tab: "open", count: "exact", facets: undefined } });
  assert.deepEqual(body, { count: "exact", filter: {}, page: { size: 25, number: 1 } });
  const meta = { tab: "open", view: "mobile", filter: { paid: { eq: true } } };
  const asking = [
    (fetch) => reactAdmin("http://x", { fetch }).getOne("a", { id: 7, meta }),
    (fetch) => reactAdmin("http://x", { fetch }).getMany("a", { ids: [7], meta }),
    (fetch) => refine("http://x", { fetch }).getOne({ resource: "a", id: 7, meta }),
    (fetch) => refine("http://x", { fetch }).getMany({ resource: "a", ids: [7], meta }),
  ];
  for (const ask of asking) {
    const { asked, fetch } = answering(page([{ _id: "7" }]));
    await ask(fetch);
    const filter = { and: [{ _id: { in: ["7"] } }, { paid: { eq: true } }] };
    assert.deepEqual(asked[0].body, { filter, view: "mobile", page: { size: 1 }, count: "none" });
  }
  const { fetch } = answering(page([]));
  await assert.rejects(reactAdmin("http://x", { fetch }).getOne("a", { id: 7, meta }), { status: 404, code: "unknown_document" });
});

test("rows are found by `_id`, and ordered and compared by their own `id`, where they have one", async () => {
  const filter = { id: { gte: 5, ne: 7 } };
  const own = await listed({ filter, sort: { field: "id", order: "ASC" } });
  assert.deepEqual([own.filter, own.sort], [{ and: [{ id: { gte: 5 } }, { _id: { ne: "7" } }] }, [{ field: "id", order: "asc" }]]);
  const none = await listed({ sort: { field: "id", order: "DESC" } }, { ownId: (index) => index !== "contracts" });
  assert.deepEqual(none.sort, [{ field: "_id", order: "desc" }]);
  const { asked, fetch } = answering(page([]), page([]));
  const filters = [{ field: "id", operator: "gt", value: 5 }, { field: "id", operator: "nin", value: [7, 8] }];
  const ask = { resource: "contracts", filters, sorters: [{ field: "id", order: "desc" }] };
  await refine("http://x", { fetch }).getList(ask);
  await refine("http://x", { fetch, ownId: false }).getList({ ...ask, filters: [] });
  assert.deepEqual(asked[0].body.filter, { and: [{ id: { gt: 5 } }, { _id: { nin: ["7", "8"] } }] });
  assert.deepEqual(asked.map(({ body }) => body.sort[0].field), ["id", "_id"]);
});

test("many documents are one request for each 200", async () => {
  const { asked, fetch } = answering(page([{ _id: "1" }]), page([{ _id: "201" }]));
  const ids = Array.from({ length: 201 }, (_, number) => number + 1);
  const rows = await new Client("http://x", { fetch }).many("contracts", [...ids, 1]);
  assert.deepEqual(rows, [{ id: "1" }, { id: "201" }]);
  assert.deepEqual(asked.map(({ body }) => [body.filter._id.in.length, body.page.size, body.count]), [[200, 200, "none"], [1, 1, "none"]]);
  const fewer = answering(page([]), page([]), page([]));
  await new Client("http://x", { fetch: fewer.fetch, pageSize: 100 }).many("contracts", ids);
  assert.deepEqual(fewer.asked.map(({ body }) => body.page.size), [100, 100, 1]);
});

test("a total that is not known is not told", async () => {
  const { fetch } = answering(page([], { total: { value: 10_000, relation: "gte" } }), page([], { total: { value: 7, relation: "eq" } }));
  const provider = reactAdmin("http://x", { fetch });
  assert.equal("total" in (await provider.getList("a", { filter: {} })), false);
  assert.equal((await provider.getList("a", { filter: {} })).total, 7);
});

test("Refine's total is that of rows that there are", async () => {
  const total = async (answer, pagination, options = {}) => {
    const { fetch } = answering(answer);
    return (await refine("http://x", { fetch, ...options }).getList({ resource: "a", pagination })).total;
  };
  const more = { page: { size: 2, next: "AVx2", has_next: true } };
  const two = [{ _id: "1" }, { _id: "2" }];
  const many = page(two, { ...more, total: { value: 10_000, relation: "gte" } });
  assert.equal(await total(many, { currentPage: 1, pageSize: 30 }), 9990);
  assert.equal(await total(many, { currentPage: 1, pageSize: 30 }, { window: 5000 }), 4980);
  assert.equal(await total(page(two), { currentPage: 3, pageSize: 5 }), 12);
  assert.equal(await total(page(two, more), { currentPage: 3, pageSize: 2 }), 7);
  assert.equal(await total(page(two, more), { currentPage: "AVx2", pageSize: 2 }), 3);
});

test("a page beyond the window is found by the cursor of the one before it", async () => {
  const { asked, fetch } = answering(page([], { page: { size: 100, next: "AVx2", has_next: true } }), page([]));
  const client = new Client("http://x", { fetch });
  const at = (number) => client.page("a", { sort: [{ field: "b" }] }, { number, size: 100 });
  await assert.rejects(at(101), { code: "limit_exceeded" });
  await at(100);
  await at(101);
  assert.deepEqual(asked.map(({ body }) => body.page), [{ size: 100, number: 100 }, { size: 100, after: "AVx2" }]);
});

test("a place that is gone is forgotten, with those of its search, and said", async () => {
  const deep = page([], { page: { size: 100, next: "AVx2", has_next: true } });
  const problem = (status, code) => ({ status, code, message: "start again" });
  for (const gone of [problem(410, "cursor_expired"), problem(422, "cursor_mismatch"), problem(400, "invalid_cursor")]) {
    const { asked, fetch } = answering(deep, deep, deep, gone, deep, deep);
    const client = new Client("http://x", { fetch, window: 1000 });
    const at = (number, index = "a") => client.page(index, {}, { number, size: 100 });
    for (const number of [10, 11]) await at(number);
    await at(10, "b");
    await assert.rejects(at(11), { status: gone.status, code: gone.code, message: /go back to page 10 / });
    for (const number of [11, 12]) await assert.rejects(at(number), { status: 0, code: "limit_exceeded" });
    await at(11, "b");
    client.forget();
    await assert.rejects(at(11, "b"), { status: 0 });
    await at(10);
    assert.deepEqual(asked.at(-1).body.page, { size: 100, number: 10 });
  }
  const { fetch } = answering(deep, { status: 503, code: "engine_unavailable" }, deep);
  const client = new Client("http://x", { fetch });
  await client.page("a", {}, { number: 100, size: 100 });
  await assert.rejects(client.page("a", {}, { number: 101, size: 100 }), { status: 503 });
  await client.page("a", {}, { number: 101, size: 100 });
});

test("a provider may be of a client that the app has", async () => {
  const { asked, fetch } = answering(page([]), page([]));
  const client = new Client("http://x/", { fetch });
  await reactAdmin(client).getList("a", { filter: {} });
  await refine(client).getList({ resource: "a" });
  assert.deepEqual(asked.map(({ url }) => url), ["http://x/v1/a/search", "http://x/v1/a/search"]);
  assert.equal(refine(client).getApiUrl(), "http://x");
});

test("headers are asked for each time, and a problem keeps its words", async () => {
  const problem = { status: 401, code: "invalid_credentials", message: "this token is not valid", detail: "renew it" };
  const { asked, fetch } = answering(problem, { data: { _id: "a/b" } });
  let token = 0;
  const client = new Client("http://x", { fetch, headers: async () => ({ Authorization: `Bearer ${++token}` }) });
  await assert.rejects(client.one("a", 1), { status: 401, statusCode: 401, code: "invalid_credentials", message: "this token is not valid: renew it" });
  assert.deepEqual(await client.one("a", "a/b", { fields: ["c", "d"] }), { id: "a/b" });
  assert.equal(asked[1].url, "http://x/v1/a/a%2Fb?fields=c%2Cd");
  assert.deepEqual(asked.map(({ headers }) => headers.get("authorization")), ["Bearer 1", "Bearer 2"]);
});

test("an answer that is none is an error, also without words", async () => {
  const fetch = async () => new Response("<html>", { status: 502 });
  await assert.rejects(new Client("http://x", { fetch }).search("a", {}), { status: 502, message: "the server answered 502" });
});

test("an answer that is broken off, or given up, is not taken for one without words", async () => {
  const broken = (error) => async () => new Response(new ReadableStream({ pull: (body) => body.error(error) }));
  const given_up = new DOMException("given up", "AbortError");
  for (const error of [given_up, new TypeError("terminated")]) {
    await assert.rejects(new Client("http://x", { fetch: broken(error) }).search("a", {}), { name: error.name, message: error.message });
  }
});

test("Refine's operators are ours", () => {
  const is = (operator, value) => said({ field: "a", operator, value });
  assert.deepEqual(is("nin", [1]), { a: { nin: [1] } });
  assert.deepEqual(is("ina", [1, 2]), { and: [{ a: { eq: 1 } }, { a: { eq: 2 } }] });
  assert.deepEqual(is("nstartswiths", "x"), { not: { a: { starts_with: "x" } } });
  assert.deepEqual(said({ field: "id", operator: "eq", value: 5 }), { _id: { eq: "5" } });
  for (const operator of ["startswith", "nstartswith", "endswith", "nendswiths"]) assert.throws(() => is(operator, "x"), { code: "unknown_operator" });
});

test("Refine's filters without a value are left out, and those with none are refused", async () => {
  const is = (operator, value, field = "a") => ({ field, operator, value });
  const body = async (...filters) => {
    const { asked, fetch } = answering(page([]));
    await refine("http://x", { fetch }).getList({ resource: "a", filters });
    return asked[0].body;
  };
  const or = (...value) => ({ operator: "or", value });
  const left = [is("contains", undefined), is("eq", undefined, "id"), is("eq", undefined, "q"), or(is("eq", undefined), or(is("gt", undefined)))];
  assert.deepEqual((await body(...left)).filter, {});
  assert.deepEqual((await body(or(is("eq", undefined), is("gt", 5)))).filter, { or: [{ a: { gt: 5 } }] });
  assert.deepEqual((await body(is("null", undefined), is("nnull", null, "b"))).filter, { and: [{ a: { exists: false } }, { b: { exists: true } }] });
  assert.deepEqual((await body(is("gte", new Date(0)))).filter, { a: { gte: "1970-01-01T00:00:00.000Z" } });
  assert.deepEqual((await body(is("contains", "lease", "q"))).q, { text: "lease" });
  const wrong = [
    is("eq", null), is("contains", null), is("in", [1, null]), is("between", [undefined, 5]), is("eq", null, "id"), is("eq", { b: 1 }), is("contains", {}),
    is("eq", Number.NaN), is("eq", 5, "q"), is("ncontains", "lease", "q"), or(is("eq", null)),
  ];
  for (const filter of wrong) await assert.rejects(body(filter), { name: "PrejoinError", status: 0 }, JSON.stringify(filter));
});

test("filters are joined only where there are several", () => {
  assert.deepEqual(all([undefined, {}]), {});
  assert.deepEqual(all([{ a: { eq: 1 } }, undefined]), { a: { eq: 1 } });
  assert.equal(refine("http://x").getApiUrl(), "http://x");
});
