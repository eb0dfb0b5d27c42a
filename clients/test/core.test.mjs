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

test("many documents are one request for each 200", async () => {
  const { asked, fetch } = answering(page([{ _id: "1" }]), page([{ _id: "201" }]));
  const ids = Array.from({ length: 201 }, (_, number) => number + 1);
  const rows = await new Client("http://x", { fetch }).many("contracts", [...ids, 1]);
  assert.deepEqual(rows, [{ id: "1" }, { id: "201" }]);
  assert.deepEqual(asked.map(({ body }) => [body.filter._id.in.length, body.page.size, body.count]), [[200, 200, "none"], [1, 1, "none"]]);
});

test("a total that is not known is not told", async () => {
  const { fetch } = answering(page([], { total: { value: 10_000, relation: "gte" } }), page([], { total: { value: 7, relation: "eq" } }));
  const provider = reactAdmin("http://x", { fetch });
  assert.equal("total" in (await provider.getList("a", { filter: {} })), false);
  assert.equal((await provider.getList("a", { filter: {} })).total, 7);
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

test("headers are asked for each time, and a problem keeps its words", async () => {
  const problem = { status: 401, code: "invalid_credentials", message: "this token is not valid", detail: "renew it" };
  const { asked, fetch } = answering(problem, { data: { _id: "a/b" } });
  let token = 0;
  const client = new Client("http://x", { fetch, headers: async () => ({ Authorization: `Bearer ${++token}` }) });
  await assert.rejects(client.one("a", 1), { status: 401, statusCode: 401, code: "invalid_credentials", message: "this token is not valid: renew it" });
  assert.deepEqual(await client.one("a", "a/b", ["c", "d"]), { id: "a/b" });
  assert.equal(asked[1].url, "http://x/v1/a/a%2Fb?fields=c%2Cd");
  assert.deepEqual(asked.map(({ headers }) => headers.get("authorization")), ["Bearer 1", "Bearer 2"]);
});

test("an answer that is none is an error, also without words", async () => {
  const fetch = async () => new Response("<html>", { status: 502 });
  await assert.rejects(new Client("http://x", { fetch }).search("a", {}), { status: 502, message: "the server answered 502" });
});

test("Refine's operators are ours", () => {
  const is = (operator, value) => said({ field: "a", operator, value });
  assert.deepEqual(is("nin", [1]), { a: { nin: [1] } });
  assert.deepEqual(is("ina", [1, 2]), { and: [{ a: { eq: 1 } }, { a: { eq: 2 } }] });
  assert.deepEqual(is("nstartswiths", "x"), { not: { a: { starts_with: "x" } } });
  assert.deepEqual(said({ field: "id", operator: "eq", value: 5 }), { _id: { eq: "5" } });
  for (const operator of ["startswith", "nstartswith", "endswith", "nendswiths"]) assert.throws(() => is(operator, "x"), { code: "unknown_operator" });
});

test("filters are joined only where there are several", () => {
  assert.deepEqual(all([undefined, {}]), {});
  assert.deepEqual(all([{ a: { eq: 1 } }, undefined]), { a: { eq: 1 } });
  assert.equal(refine("http://x").getApiUrl(), "http://x");
});
