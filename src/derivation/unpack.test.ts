import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, linkSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'
import { fetchurl, type FetchurlArgs } from '#derivation'
import type { ErrorCode } from '#errors'
import { type MadeMember, makeTar } from '../../test/support/make-tar.ts'
import { needs } from '../../test/support/places.ts'
import { makeTempDir } from '#util'
import { failsWith, openWorkshop, type Workshop } from './test-support.test.ts'
import { unpackArchive } from './unpack-archive.ts'

/** A server that answers every request with these bytes. */
async function serve(content: Buffer): Promise<{ readonly url: string } & AsyncDisposable> {
  const server = createServer((_request, response) => response.end(content))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}/archive.tar`,
    async [Symbol.asyncDispose]() {
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function makeTree(shop: Workshop): string {
  const root = join(shop.path, 'source')
  mkdirSync(join(root, 'bin'), { recursive: true })
  writeFileSync(join(root, 'bin/run'), '#!', { mode: 0o755 })
  writeFileSync(join(root, 'ä'), 'text', { mode: 0o640 })
  linkSync(join(root, 'ä'), join(root, 'hard'))
  symlinkSync('bin/run', join(root, 'link'))
  return root
}

test(
  'an archive is unpacked to what Nix would add',
  needs('nix-store', 'nix-hash', 'tar', 'gzip', 'xz', 'zstd'),
  async () => {
    await using shop = await openWorkshop()
    const root = makeTree(shop)
    const hash = `sha256:${execFileSync('nix-hash', ['--type', 'sha256', '--base32', root], { encoding: 'utf8' }).trim()}`
    const theirs = shop.nix('nix-store', '--add', root).trim()
    for (const [option, sub] of [
      ['--gzip', ['source']],
      ['--xz', ['-C', 'source', '.']],
      ['--zstd', ['source']],
    ] as const) {
      const tar = execFileSync('tar', ['-C', shop.path, option, '-c', ...sub])
      await using server = await serve(tar)
      await using own = await openWorkshop()
      const args: FetchurlArgs = {
        url: server.url,
        hash,
        unpack: true,
        ...(sub.length > 1 ? { stripRoot: false } : {}),
      }
      assert.equal(await own.session().realise(fetchurl(args)), theirs)
    }
  },
)

test('an archive of several things is refused, or taken as it is; another hash is told', needs('tar'), async () => {
  await using shop = await openWorkshop()
  for (const name of ['one', 'two']) writeFileSync(join(shop.path, name), name)
  await using server = await serve(execFileSync('tar', ['-C', shop.path, '-c', 'one', 'two']))
  const args = { url: server.url, sha256: '0'.repeat(64), unpack: true }
  await assert.rejects(shop.realise(fetchurl(args)), failsWith('OUTPUT_INVALID', '2 files or folders', '"source"'))
  await assert.rejects(shop.realise(fetchurl({ ...args, stripRoot: false })), failsWith('DIGEST_MISMATCH', 'sha256-'))
  assert.throws(() => fetchurl({ ...args, executable: true }), failsWith('DEFINITION_INVALID', '"executable"'))
})

test('nothing is written outside or through a link, and what no store holds is refused', async () => {
  await using temp = await makeTempDir('hostile-')
  const file = (name: string): MadeMember => ({ name, body: 'x' })
  const link = (name: string, target: string): MadeMember => ({ name, type: '2', link: target })
  const hard = (name: string, target: string): MadeMember => ({ name, type: '1', link: target })
  const folder = (name: string): MadeMember => ({ name, type: '5' })
  const cases: [code: ErrorCode, ...members: MadeMember[]][] = [
    ['PATH_UNSAFE', file('../evil')],
    ['PATH_UNSAFE', file('/evil')],
    ['PATH_UNSAFE', file('a/../../evil')],
    ['PATH_UNSAFE', link('a', temp.path), file('a/evil')],
    ['PATH_UNSAFE', link('a', '.'), folder('a')],
    ['PATH_UNSAFE', file('a'), file('a/b')],
    ['PATH_UNSAFE', folder('a'), file('a')],
    ['PATH_UNSAFE', hard('a', '/etc/passwd')],
    ['PATH_UNSAFE', hard('a', 'later'), file('later')],
    ['PATH_UNSAFE', link('s', '/etc/passwd'), hard('a', 's')],
    ['FILE_TYPE_UNSUPPORTED', { name: 'a', type: '6' }],
    ['FILE_TYPE_UNSUPPORTED', { name: 'a', type: '3' }],
  ]
  for (const [index, [code, ...members]] of cases.entries()) {
    const archive = join(temp.path, `${index}.tar`)
    writeFileSync(archive, makeTar(members))
    await assert.rejects(unpackArchive(archive, join(temp.path, `out-${index}`)), failsWith(code), String(index))
    assert.equal(existsSync(join(temp.path, 'evil')), false, String(index))
  }
  const fine = [folder('./a/'), file('a//b'), { name: 'a/b', body: '2' }, link('l', '/gone')]
  writeFileSync(join(temp.path, 'fine.tar'), makeTar(fine))
  await unpackArchive(join(temp.path, 'fine.tar'), join(temp.path, 'fine'))
  assert.equal(readFileSync(join(temp.path, 'fine/a/b'), 'utf8'), '2')
})
