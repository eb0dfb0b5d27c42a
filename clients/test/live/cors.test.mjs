/** What a browser asks before the packages of a page of another origin may. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { ORIGIN, base, index } from "./shared.mjs";

const preflight = (method, headers) =>
  fetch(`${base("ra-data-simple-rest")}/${index}`, {
    method: "OPTIONS",
    headers: { Origin: ORIGIN, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers },
  });
const words = (response, name) => (response.headers.get(name) ?? "").toLowerCase().split(/\s*,\s*/);

test("the packages may send what they send", async () => {
  for (const [method, header] of [["GET", "range"], ["POST", "content-type"], ["PUT", "content-type"], ["PATCH", "content-type"], ["DELETE", "authorization"]]) {
    const answer = await preflight(method, header);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get("access-control-allow-origin"), ORIGIN);
    assert.ok(words(answer, "access-control-allow-methods").includes(method.toLowerCase()), method);
    assert.ok(words(answer, "access-control-allow-headers").includes(header), header);
  }
});

test("the page may read how many there are", async () => {
  const headers = { Origin: ORIGIN, Range: `${index}=0-4` };
  const answer = await fetch(`${base("ra-data-simple-rest")}/${index}?range=[0,4]&filter={"status":"paid"}`, { headers });
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get("content-range"), `${index} 0-4/2512`);
  assert.equal(answer.headers.get("x-total-count"), "2512");
  for (const name of ["content-range", "x-total-count"]) {
    assert.ok(words(answer, "access-control-expose-headers").includes(name), name);
  }
});
