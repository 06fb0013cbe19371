import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { draw, Random } from "./draw.ts";

const seed = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const deck = fc.uniqueArray(fc.string(), { minLength: 1, maxLength: 40 });

describe("a draw", () => {
  it("is the same for the same seed", () => {
    fc.assert(
      fc.property(deck, seed, fc.nat(100), (all, seed, count) => {
        expect(draw(all, count, seed)).toEqual(draw(all, count, seed));
      }),
    );
  });

  it("has as many as were asked for, and each of them once before any comes again", () => {
    fc.assert(
      fc.property(deck, seed, fc.nat(100), (all, seed, count) => {
        const drawn = draw(all, count, seed).map((one) => one.drawn);
        expect(drawn.length).toBe(count);
        for (let start = 0; start < drawn.length; start += all.length) {
          const round = drawn.slice(start, start + all.length);
          expect(new Set(round).size).toBe(round.length);
        }
      }),
    );
  });

  it("goes on as a shorter one began", () => {
    const all = ["a", "b", "c", "d"];
    expect(draw(all, 9, 7).slice(0, 6)).toEqual(draw(all, 6, 7));
  });

  it("differs between seeds", () => {
    const all = Array.from({ length: 20 }, (_, index) => index);
    const orders = new Set([1, 2, 3, 4].map((seed) => JSON.stringify(draw(all, 20, seed))));
    expect(orders.size).toBe(4);
  });
});

describe("random numbers", () => {
  it("lie within their limits, and reach all of them", () => {
    const random = new Random(1);
    const found = Array.from({ length: 1000 }, () => Math.floor(random.between(3, 7)));
    expect(new Set(found)).toEqual(new Set([3, 4, 5, 6]));
  });

  it("are never picked from nothing", () => {
    expect(() => new Random(1).pick([])).toThrow("one of nothing");
  });
});
