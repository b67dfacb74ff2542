import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import fc from 'fast-check'
import { encodePythonJson, parseJson, parsePythonIsoTime, pythonListRepr } from '#image'

const python = spawnSync('python3', ['--version'])
const skip = python.status === 0 ? false : 'python3 is not on this machine'

/** Runs one Python program over many inputs, so that a property costs one process. */
function askPython(program: string, inputs: readonly unknown[]): unknown[] {
  const script = `import json, sys\n${program}\nprint(json.dumps([f(x) for x in json.load(sys.stdin)]))`
  const run = spawnSync('python3', ['-c', script], {
    input: JSON.stringify(inputs),
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    env: { PATH: process.env['PATH'], PYTHONIOENCODING: 'utf8', TZ: 'UTC' },
  })
  assert.equal(run.status, 0, run.stderr)
  return JSON.parse(run.stdout) as unknown[]
}

test('encodePythonJson() writes what json.dumps(indent=4) writes', { skip }, () => {
  const values = fc.sample(fc.jsonValue({ maxDepth: 5, stringUnit: 'binary' }), { numRuns: 400, seed: 1 })
  const texts = [
    '1.0',
    '-0.0',
    '1e16',
    '1e15',
    '0.0001',
    '0.00001',
    '123456789012345678901234567890',
    '1e22',
    '5e-324',
    '-1.5e300',
    '[]',
    '{}',
    '[[],{}]',
    '{"a":{"b":[1,2.5,null,true]}}',
    '"\\u007f\\u0080\\ud83d\\ude00\\ud800/<>&\\u2028"',
    ...values.map((value) => JSON.stringify(value)),
  ]
  const expected = askPython('def f(x): return json.dumps(json.loads(x), indent=4)', texts)
  for (const [index, text] of texts.entries()) {
    assert.equal(encodePythonJson(parseJson(text, 'value')), expected[index], text)
  }
})

test('pythonListRepr() writes what repr() of a list of strings writes', { skip }, () => {
  const lists = fc.sample(
    fc.array(fc.string({ unit: fc.constantFrom(...'ab\'"\\\n\t\r \u00a0\u00e9\u007f\u0301\u2028😀\u{e0001}') })),
    {
      numRuns: 300,
      seed: 2,
    },
  )
  const expected = askPython('def f(x): return repr(x)', lists)
  for (const [index, list] of lists.entries()) assert.equal(pythonListRepr(list), expected[index])
})

test('parsePythonIsoTime() reads what datetime.fromisoformat reads', { skip }, () => {
  const texts = [
    '2024-02-29T12:34:56Z',
    '2024-02-29T12:34:56+05:30',
    '2024-01-01T00:00:00.123456+02:00',
    '1969-12-31T23:59:58.5+00:00',
    '2020-06-01T00:00:00.789+00:00',
    '2024-02-29',
    '20240229',
    '20240229T123456Z',
    '2024-02-29 12:34',
    '2024-02-29T12',
    '2024-02-29T12:34:56,5-00:00',
    '2024-02-29T12:34:56.1234567',
    '2023-02-29',
    '2024-13-01',
    '2024-01-01T24:00:00',
    '0000-01-01',
    '2024-02-29T12:34:56-0330',
    '2024-02-29T12:34:56+01:02:03',
    'yesterday',
    '',
    '2024-02-29T',
    '2024-2-29',
    '2024-02-29T12:34:5',
    '9999-12-31T23:59:59Z',
  ]
  const program = `from datetime import datetime
def f(x):
    try: d = datetime.fromisoformat(x)
    except ValueError: return None
    return [d.isoformat(), int(d.timestamp())]`
  const expected = askPython(program, texts)
  for (const [index, text] of texts.entries()) {
    let own: unknown = null
    try {
      const time = parsePythonIsoTime(text, 'created')
      own = [time.isoFormat, time.seconds]
    } catch {
      own = null
    }
    assert.deepEqual(own, expected[index], text)
  }
})
