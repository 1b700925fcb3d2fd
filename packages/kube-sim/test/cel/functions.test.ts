// Goal: rules find the functions of Kubernetes 1.34 with their results. Method: expressions with their values, taken from the
// documents of cel-spec, of cel-go's extensions and of Kubernetes' libraries, and what must fail, with how it fails.
import { describe, expect, test } from 'vitest';
import { celHost } from '@vfleet/kube-sim/cel/environment.ts';
import { compileProgram } from '@vfleet/kube-sim/cel/program.ts';

function value(expression: string): unknown {
  const compiled = compileProgram(celHost().newEnvironment(), expression, new Map());
  if (!compiled.ok) throw new Error(compiled.error);
  const outcome = compiled.program.evaluate({}, 1_000_000);
  return outcome.ok ? plain(outcome.value) : `error: ${outcome.error}`;
}

function plain(found: unknown): unknown {
  if (found instanceof Map) return Object.fromEntries([...found].map(([key, item]) => [String(key), plain(item)]));
  if (Array.isArray(found)) return found.map(plain);
  return typeof found === 'bigint' ? Number(found) : found;
}

describe('functions', () => {
  test.each<readonly [string, unknown]>([
    ['[1, 2, 3].sum()', 6], ['[1.5, 2.0].sum()', 3.5], ['[duration("1s"), duration("2s")].sum() == duration("3s")', true], ['["b", "a"].min()', 'a'], ['[3, 1].max()', 3], ['[1, 2].isSorted()', true], ['[2, 1].isSorted()', false],
    ['["a", "b"].indexOf("b")', 1], ['[1, 2, 1].lastIndexOf(1)', 2], ['[1].indexOf(9)', -1], ['[3, 1, 2].sort()', [1, 2, 3]], ['["bb", "a"].sortBy(x, x.size())', ['a', 'bb']],
    ['[1, 2, 1].distinct()', [1, 2]], ['[[1, 2], [3]].flatten()', [1, 2, 3]], ['[1, 2, 3].slice(1, 2)', [2]], ['[1, 2].reverse()', [2, 1]], ['lists.range(3)', [0, 1, 2]], ['[].sum()', 0],
    ['sets.contains([1, 2], [1])', true], ['sets.equivalent([1, 2], [2, 1, 1])', true], ['sets.intersects(["a"], ["b"])', false],
    ['[1, 2].all(i, v, i < v)', true], ['{"a": 1}.exists(k, v, k == "a" && v == 1)', true], ['[1, 1].existsOne(i, v, v == 1)', false], ['[1, 0].exists(i, v, 1 / v == 1)', true],
    ['[1, 2].transformList(i, v, i > 0, v * 2)', [4]], ['{"a": 1}.transformMap(k, v, v + 1)', { a: 2 }], ['{"a": "x"}.transformMapEntry(k, v, {v: k})', { x: 'a' }],
  ])('lists and maps: %s', (expression, wanted) => expect(value(expression)).toEqual(wanted));

  test.each<readonly [string, unknown]>([
    ['"abc 123".find("[0-9]+")', '123'], ['"abc".find("x")', ''], ['"a1b2".findAll("[0-9]")', ['1', '2']], ['"a1b2".findAll("[0-9]", 1)', ['1']], ['"Abc".matches("(?i)^abc$")', true], ['matches("abc", "\\\\Ab")', false],
    ['"tacocat".replace("ca", "x")', 'tacoxt'], ['"aaa".replace("a", "b", 2)', 'bba'], ['"tacocat".charAt(1)', 'a'], ['"ABCÄ".lowerAscii()', 'abcÄ'], ['"a,b".split(",")', ['a', 'b']], ['["a", "b"].join("-")', 'a-b'],
    ['"%s is %d%%".format([dyn("a"), dyn(5)])', 'a is 5%'], ['"%.2f %e".format([1.5, 2.71828])', '1.50 2.718280e+00'], ['"%x %X %o %b".format([255, 255, 8, 5])', 'ff FF 10 101'], ['"%s".format([[1, 2]])', '[1, 2]'], ['strings.quote("a\\"b")', '"a\\"b"'],
  ])('text: %s', (expression, wanted) => expect(value(expression)).toEqual(wanted));

  test.each<readonly [string, unknown]>([
    ['url("https://user@example.com:8080/p/a?x=1&x=2#f").getHost()', 'example.com:8080'], ['url("https://[::1]:80/").getHostname()', '::1'], ['url("https://[::1]:80/").getPort()', '80'], ['url("https://a/b c").getEscapedPath()', '/b%20c'], ['url("/a?x=1&x=2").getQuery()', { x: ['1', '2'] }], ['isURL("foo")', false], ['isURL("/foo")', true],
    ['isQuantity("1Gi")', true], ['isQuantity("1 Gi")', false], ['quantity("1Gi").add(quantity("1Mi")).compareTo(quantity("1025Mi"))', 0], ['quantity("1.3").isInteger()', false], ['quantity("50k").asInteger()', 50_000], ['quantity("1k") == quantity("1000")', true], ['quantity("-1").sign()', -1], ['quantity("5").sub(3).asApproximateFloat()', 2],
    ['ip("127.0.0.1").isLoopback()', true], ['ip.isCanonical("2001:DB8::1")', false], ['isIP("::ffff:1.2.3.4")', false], ['isIP("fe80::1%eth0")', false], ['string(ip("2001:db8:0:0::1"))', '2001:db8::1'], ['ip("0.0.0.0").isUnspecified()', true], ['ip("ff02::1").isLinkLocalMulticast()', true], ['ip("8.8.8.8").isGlobalUnicast()', true], ['ip("1.2.3.4").family()', 4],
    ['cidr("10.0.0.0/8").containsIP("10.1.1.1")', true], ['cidr("10.0.0.0/8").containsCIDR("10.0.0.0/7")', false], ['string(cidr("10.1.1.1/8").masked())', '10.0.0.0/8'], ['cidr("::/0").prefixLength()', 0], ['isCIDR("10.0.0.0/33")', false],
    ['format.dns1123Label().validate("A").hasValue()', true], ['format.named("nope").hasValue()', false], ['format.named("uuid").value().validate("x").value()', ['does not match the UUID format']],
    ['semver("1.2.3-alpha.1").isLessThan(semver("1.2.3"))', true], ['semver("1.0.0-1").compareTo(semver("1.0.0-a"))', -1], ['isSemver("v1.2")', false], ['isSemver("v1.2", true)', true], ['semver("1.2.3").minor()', 2],
  ])('kinds of values: %s', (expression, wanted) => expect(value(expression)).toEqual(wanted));

  test.each<readonly [string, unknown]>([
    ['optional.of(1).optMap(x, x + 1).value()', 2], ['optional.none().optMap(x, x).hasValue()', false], ['{"a": {"b": 1}}.?a.optFlatMap(x, x.?b).orValue(0)', 1], ['optional.ofNonZeroValue("").orValue("d")', 'd'],
    ['duration("1h") > duration("59m")', true], ['timestamp("2024-01-01T00:00:00Z") + duration("1h") == timestamp("2024-01-01T01:00:00Z")', true], ['string(timestamp("2024-01-01T00:00:00Z"))', '2024-01-01T00:00:00Z'], ['int(timestamp("1970-01-01T00:01:00Z"))', 60], ['1 < 2.5', true],
  ])('optionals and times: %s', (expression, wanted) => expect(value(expression)).toEqual(wanted));

  test.each([
    ['1 / 0', 'division by zero'], ['1 % 0', 'modulus by zero'], ['9223372036854775807 + 1', 'integer overflow'], ['[1][5]', 'index out of bounds: 5'], ['{"a": 1}["b"]', 'no such key: b'], ['optional.none().value()', 'optional.none() dereference'],
    ['dyn("a") + dyn(1)', 'no such overload'], ['[0].min() == 0 && [1].slice(1, 0).size() == 0', 'cannot slice(1, 0), start index must be less than or equal to end index'], ['quantity("x")', 'quantities must match the regular expression'],
  ])('%s fails: %s', (expression, error) => expect(value(expression)).toContain(`error: ${error}`));
});

describe('what is written down wrongly is said before it runs', () => {
  const refusal = (expression: string) => {
    const compiled = compileProgram(celHost().newEnvironment(), expression, new Map());
    return compiled.ok ? 'compiles' : compiled.error.split('\n')[0];
  };

  test.each([
    ['1 + "a"', "ERROR: <input>:1:3: found no matching overload for '_+_' applied to '(int, string)'"], ['nope == 1', "ERROR: <input>:1:1: undeclared reference to 'nope' (in container '')"], ['nope(1)', "ERROR: <input>:1:5: undeclared reference to 'nope' (in container '')"],
    ['"a".startsWith(1)', "ERROR: <input>:1:15: found no matching overload for 'startsWith' applied to 'string.(int)'"], ['[1].all(x, x)', "ERROR: <input>:1:12: expected type 'bool' but found 'int'"], ['true && 1', "ERROR: <input>:1:9: expected type 'bool' but found 'int'"], ['[1, "a"].size()', "ERROR: <input>:1:5: expected type 'int' but found 'string'"],
    ['duration("1x")', 'ERROR: <input>:1:10: invalid duration argument'], ['"a".matches("(")', 'ERROR: <input>:1:13: invalid matches argument'], ['1 +', "ERROR: <input>:1:4: Syntax error: mismatched input '<EOF>' expecting"], ['"a".lowerAscii(1)', "ERROR: <input>:1:15: found no matching overload for 'lowerAscii' applied to 'string.(int)'"],
  ])('%s: %s', (expression, sentence) => expect(refusal(expression)).toContain(sentence));
});

test('an evaluation that goes on for too long is cancelled, and the next one is not', () => {
  const compiled = compileProgram(celHost().newEnvironment(), 'lists.range(1000).all(a, lists.range(1000).all(b, lists.range(1000).all(c, a + b + c >= 0)))', new Map());
  if (!compiled.ok) throw new Error(compiled.error);
  expect(compiled.program.evaluate({}, 100_000)).toEqual({ ok: false, error: 'operation cancelled: actual cost limit exceeded', cost: 100_000 });
  const small = compileProgram(celHost().newEnvironment(), '[1, 2].exists(i, v, [3].all(x, x > v))', new Map());
  if (!small.ok) throw new Error(small.error);
  expect(small.program.evaluate({}, 100)).toMatchObject({ ok: true, value: true });
  expect(small.program.evaluate({}, 1)).toMatchObject({ ok: false });
  expect(small.program.evaluate({}, 100)).toMatchObject({ ok: true });
});
