import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, test } from 'node:test'
import type { DockerToolsError } from '#errors'
import { peekable } from './peekable.ts'
import { unxz } from './unxz.ts'

const skip = spawnSync('xz', ['--version']).error === undefined ? false : 'xz not there'
const PLAIN = Buffer.from(Array.from({ length: 8000 }, (_, n) => `${n} ${n * n}\n`).join(''))
const LIMIT = 128 * 1024 ** 2
const WAYS = [
  ['the program', 'xz'],
  ['the built-in decoder', '/nowhere/xz'],
] as const

function xz(...args: string[]): Buffer {
  const { status, stdout, stderr } = spawnSync('xz', ['-c', ...args], { input: PLAIN, maxBuffer: 2 ** 28 })
  assert.equal(status, 0, String(stderr))
  return stdout
}

async function* cut(bytes: Uint8Array, length: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += length) yield bytes.subarray(start, start + length)
}

function read(program: string, bytes: Uint8Array, limit = LIMIT): AsyncGenerator<Uint8Array> {
  return unxz(
    peekable(cut(bytes, 1000), () => {}),
    limit,
    program,
  )
}

async function outcome(program: string, bytes: Uint8Array, limit = LIMIT): Promise<string> {
  try {
    return Buffer.concat(await Array.fromAsync(read(program, bytes, limit))).equals(PLAIN) ? 'same' : 'other'
  } catch (error) {
    return (error as DockerToolsError).code
  }
}

for (const [name, program] of WAYS) {
  describe(`unxz() with ${name}`, { skip }, () => {
    test('reads presets, block sizes and checks', async () => {
      for (const args of [['-9'], ['--block-size=50000', '-C', 'none', '-0']]) {
        assert.equal(await outcome(program, xz(...args)), 'same', args.join(' '))
      }
    })

    test('reads two at the same time, in turns', async () => {
      const packed = xz()
      const [first, second] = [read(program, packed), read(program, packed)]
      await first.next()
      const other = Buffer.concat(await Array.fromAsync(second))
      assert.ok(other.equals(PLAIN))
      await first.return(undefined)
    })

    test('tells cut short from broken', async () => {
      const packed = xz()
      for (const length of [3, packed.length - 1]) {
        assert.equal(await outcome(program, packed.subarray(0, length)), 'TRUNCATED', `after ${length} bytes`)
      }
      const broken = Buffer.from(packed)
      broken[5000]! ^= 1
      assert.equal(await outcome(program, broken), 'FORMAT_INVALID')
      assert.equal(await outcome(program, PLAIN), 'FORMAT_INVALID')
    })

    test('accepts padding of whole words only', async () => {
      const packed = xz()
      assert.equal(await outcome(program, Buffer.concat([packed, Buffer.alloc(8)])), 'same')
      assert.equal(await outcome(program, Buffer.concat([packed, Buffer.alloc(3)])), 'FORMAT_INVALID')
    })

    test('a dictionary over the limit is refused', async () => {
      assert.equal(await outcome(program, xz('--lzma2=dict=512MiB')), 'LIMIT_EXCEEDED')
    })
  })
}

describe('unxz()', { skip }, () => {
  test('the program takes filters and checks that the built-in decoder names as unsupported', async () => {
    for (const args of [
      ['-C', 'sha256'],
      ['--x86', '--lzma2'],
    ]) {
      assert.equal(await outcome('xz', xz(...args)), 'same')
      assert.equal(await outcome('/nowhere/xz', xz(...args)), 'FORMAT_UNSUPPORTED')
    }
  })

  test('the program takes a larger dictionary if the limit allows it', async () => {
    assert.equal(await outcome('xz', xz('--lzma2=dict=512MiB'), 2 ** 30), 'same')
  })

  test('the process can end when a reader never comes back', () => {
    const script = `
      const { unxz } = await import(${JSON.stringify(new URL('unxz.ts', import.meta.url).href)})
      const { peekable } = await import(${JSON.stringify(new URL('peekable.ts', import.meta.url).href)})
      async function* source() { yield Buffer.from('${xz().toString('base64').slice(0, 20_000)}', 'base64'); await new Promise(() => {}) }
      await unxz(peekable(source(), () => {}), 2 ** 27, '/nowhere/xz').next()
      process.stdout.write('end')
    `
    const args = ['--conditions=source', '--input-type=module', '-e', script]
    const { stdout, stderr } = spawnSync(process.execPath, args, { timeout: 20_000, encoding: 'utf8' })
    assert.equal(stdout, 'end', stderr)
  })

  test('the program is gone when the reader stops', async () => {
    const before = children()
    for await (const _ of read('xz', xz('-0'))) {
      assert.equal(children() - before, 1)
      break
    }
    assert.equal(children(), before)
  })
})

/** Processes started by this one that are there still. */
function children(): number {
  const { stdout } = spawnSync('ps', ['--ppid', String(process.pid), '-o', 'comm='], { encoding: 'utf8' })
  return stdout.split('\n').filter((name) => name === 'xz').length
}
