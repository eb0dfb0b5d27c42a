/**
 * What the tests on a running server share. The server's documents: `id` from 1 to COUNT; `amount` is a thousand times that; every
 * fourth is `draft`, then `active`, `overdue`, `paid`; `account.id` is what is left of a division by ten; every seventh has no
 * `signed_at`; those up to 50 have two settlements.
 */
import assert from "node:assert/strict";

const given = (name) => process.env[name] ?? assert.fail(`${name} is set by tests/api/dialects.rs`);

export const server = given("PREJOIN_URL");
export const index = given("PREJOIN_INDEX");
export const COUNT = Number(given("PREJOIN_COUNT"));
/** A page of this origin may read what the server answers. */
export const ORIGIN = "https://admin.example.org";

export const base = (dialect) => `${server}/dialects/${dialect}`;
export const ids = (answer) => answer.data.map((row) => row.id);

/** The error with which a promise is rejected. */
export async function refused(promise) {
  return promise.then(
    (answer) => assert.fail(`not refused: ${JSON.stringify(answer).slice(0, 200)}`),
    (error) => error,
  );
}
