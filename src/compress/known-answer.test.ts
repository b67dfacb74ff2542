import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { describe, test } from 'node:test'
import { zstdCompressSync } from 'node:zlib'
import { type BuildEvent, withReporter } from '#events'
import { compressZstd } from './compress-zstd.ts'
import { deflateWithZlib, loadPako } from './deflate-block.ts'
import { gzipCodec } from './gzip-codec.ts'
import {
  answersWith,
  DEFLATE_ANSWER,
  knownQuestions,
  ZSTD_ANSWER,
  zlibIsTheUsualOne,
  zstdIsTheUsualOne,
} from './known-answer.ts'
import { compressZstdFrame } from './zstd-frame.ts'

/** Deflates the questions as this package does, with the zlib Python was built with: the canonical one. */
const CANONICAL_ZLIB = `
import sys, zlib
dictionary, block = sys.stdin.buffer.read(32768), sys.stdin.buffer.read()
first = zlib.compressobj(6, zlib.DEFLATED, -15, 8, 0, dictionary)
second = zlib.compressobj(6, zlib.DEFLATED, -15, 8, 0)
sys.stdout.buffer.write(first.compress(block) + first.flush(zlib.Z_SYNC_FLUSH) + second.compress(block) + second.flush())
`
const hasPython = spawnSync('python3', ['-c', 'import zlib']).status === 0

describe('known answers', () => {
  test('pako, an implementation of its own, gives the answer expected of zlib', async () => {
    assert.equal(answersWith(await loadPako(), DEFLATE_ANSWER), true)
  })

  test("this Node's zlib and zstd give them", () => {
    assert.equal(zlibIsTheUsualOne(), true)
    assert.equal(zstdIsTheUsualOne(), true)
  })

  test(
    'canonical zlib gives another answer, so a Node built with it is found out',
    { skip: !hasPython && 'python3 not there' },
    () => {
      const [question] = knownQuestions()
      const input = Buffer.concat([question!.dictionary, question!.input])
      const canonical = execFileSync('python3', ['-c', CANONICAL_ZLIB], { input })
      const ours = Buffer.concat(knownQuestions().map(deflateWithZlib))
      assert.notEqual(canonical.compare(ours), 0)
      let calls = 0
      assert.equal(
        answersWith(() => (calls++ === 0 ? canonical : new Uint8Array(0)), DEFLATE_ANSWER),
        false,
      )
    },
  )

  test('another level of zstd gives another answer', () => {
    assert.equal(answersWith(compressZstdFrame, ZSTD_ANSWER), true)
    assert.equal(
      answersWith(({ input }) => zstdCompressSync(input), ZSTD_ANSWER),
      false,
    )
  })
})

function eventsOf(work: () => unknown): Promise<readonly BuildEvent[]> {
  const events: BuildEvent[] = []
  return withReporter(
    (event) => events.push(event),
    async () => {
      await work()
      return events
    },
  )
}

async function* plain(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('hello')
}

describe('other libraries than the usual ones', () => {
  test('zlib is replaced by pako, with a warning', async () => {
    const events = await eventsOf(() => assert.equal(gzipCodec(false), 'pako'))
    assert.deepEqual(
      events.map((event) => event.type === 'warning' && event.code),
      ['ZLIB_DIFFERS'],
    )
    assert.deepEqual(await eventsOf(() => assert.equal(gzipCodec(true), 'zlib')), [])
  })

  test('zstd is used, with a warning', async () => {
    const events = await eventsOf(() => Array.fromAsync(compressZstd(plain(), { workers: 0 }, false)))
    assert.deepEqual(
      events.map((event) => event.type === 'warning' && event.code),
      ['ZSTD_DIFFERS'],
    )
    assert.deepEqual(await eventsOf(() => Array.fromAsync(compressZstd(plain(), { workers: 0 }, true))), [])
  })
})
