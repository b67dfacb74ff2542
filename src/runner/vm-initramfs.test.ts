import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync, readlinkSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeTempDir, toByteString } from '#util'
import { needs } from '../../test/support/places.ts'
import { encodeInitramfs, type InitramfsEntry } from './vm-initramfs.ts'

const path = toByteString
const ENTRIES: readonly InitramfsEntry[] = [
  { path: path('bin'), mode: 0o755, type: 'directory' },
  { path: path('bin/seven'), mode: 0o755, type: 'file', content: Buffer.from('7 bytes') },
  { path: path('bin/empty'), mode: 0o640, type: 'file', content: Buffer.alloc(0) },
  { path: path('link'), mode: 0o777, type: 'symlink', target: path('bin/seven') },
]

test('encodeInitramfs() makes an archive that bsdcpio lists and unpacks', needs('bsdcpio'), async () => {
  await using temp = await makeTempDir('cpio-')
  const device: InitramfsEntry = { path: path('console'), mode: 0o600, type: 'char', major: 5, minor: 1 }
  const listing = execFileSync('bsdcpio', ['-itv', '--quiet'], {
    input: encodeInitramfs([...ENTRIES, device]),
    env: { ...process.env, TZ: 'UTC', LC_ALL: 'C' },
    encoding: 'utf8',
  })
  assert.deepEqual(
    listing
      .trim()
      .split('\n')
      .map((line) => line.split(/\s+/)),
    [
      'drwxr-xr-x 1 root root 0 Jan 1 1970 bin',
      '-rwxr-xr-x 1 root root 7 Jan 1 1970 bin/seven',
      '-rw-r----- 1 root root 0 Jan 1 1970 bin/empty',
      'lrwxrwxrwx 1 root root 9 Jan 1 1970 link -> bin/seven',
      'crw------- 1 root root 5,1 Jan 1 1970 console',
    ].map((line) => line.split(' ')),
  )
  execFileSync('bsdcpio', ['-idm', '--quiet'], { input: encodeInitramfs(ENTRIES), cwd: temp.path })
  assert.equal(readFileSync(join(temp.path, 'bin/seven'), 'utf8'), '7 bytes')
  assert.equal(readlinkSync(join(temp.path, 'link')), 'bin/seven')
  assert.equal(statSync(join(temp.path, 'bin/empty')).size, 0)
})

test('encodeInitramfs() pads names and contents of every length', needs('bsdcpio'), () => {
  const entries = Array.from({ length: 9 }, (_, length): InitramfsEntry => {
    return { path: path(`f${'x'.repeat(length)}`), mode: 0o644, type: 'file', content: Buffer.alloc(length, 'c') }
  })
  const names = execFileSync('bsdcpio', ['-it', '--quiet'], { input: encodeInitramfs(entries), encoding: 'utf8' })
  assert.deepEqual(
    names.trim().split('\n'),
    entries.map((entry) => entry.path),
  )
})
