import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, test } from 'node:test'
import { type Compression, DETECTION_BYTES, detectCompression } from './detect-compression.ts'

const PROGRAMS: readonly [program: string, args: readonly string[], kind: Compression][] = [
  ['gzip', ['-c'], 'gz'],
  ['zstd', ['-cq'], 'zstd'],
  ['xz', ['-c'], 'xz'],
  ['bzip2', ['-c'], 'bzip2'],
]

describe('detectCompression()', () => {
  for (const [program, args, kind] of PROGRAMS) {
    const isMissing = spawnSync(program, ['--version'], { input: '' }).error !== undefined
    test(`knows what ${program} writes, also of nothing`, { skip: isMissing && `${program} not there` }, () => {
      for (const input of ['', 'some text']) {
        const { stdout } = spawnSync(program, args, { input })
        assert.equal(detectCompression(stdout.subarray(0, DETECTION_BYTES)), kind)
      }
    })
  }

  test('knows a zstd stream that starts with a skippable frame', () => {
    for (const first of [0x50, 0x5f]) assert.equal(detectCompression(Uint8Array.of(first, 0x2a, 0x4d, 0x18)), 'zstd')
    assert.equal(detectCompression(Uint8Array.of(0x60, 0x2a, 0x4d, 0x18)), 'none')
  })

  test('takes everything else for plain', () => {
    const plain = ['', 'BZh', 'BZh-notes.txt', './', '\x1f', '\x1f\x8b', '\xfd7zXZ', '{"schemaVersion":2}']
    for (const text of plain) assert.equal(detectCompression(Buffer.from(text, 'latin1')), 'none', JSON.stringify(text))
    assert.equal(detectCompression(new Uint8Array(DETECTION_BYTES)), 'none')
  })
})
