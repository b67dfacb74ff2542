import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { makeTempDir } from '#util'

test('a temp directory is its owner’s alone, and goes away with everything in it', async () => {
  let path: string
  {
    await using temp = await makeTempDir('own-test-')
    path = temp.path
    assert.equal(statSync(path).mode & 0o777, 0o700)
    mkdirSync(`${path}/a/b`, { recursive: true })
    writeFileSync(Buffer.concat([Buffer.from(`${path}/a/`), Buffer.of(0xff, 0x0a)]), '')
    symlinkSync('/', `${path}/a/root`)
    chmodSync(`${path}/a/b`, 0)
    chmodSync(`${path}/a`, 0o500)
  }
  assert.equal(existsSync(path), false)
  assert.equal(existsSync('/etc'), true)
})

test('it goes away when the process ends before its owner does, and under an ordinary user too', async () => {
  await using outer = await makeTempDir('own-test-')
  chmodSync(outer.path, 0o777)
  const module = fileURLToPath(new URL('make-temp-dir.ts', import.meta.url))
  const script = `
    import { mkdirSync, chmodSync } from 'node:fs'
    import { makeTempDir } from ${JSON.stringify(module)}
    const temp = await makeTempDir('left-', ${JSON.stringify(outer.path)})
    mkdirSync(temp.path + '/closed/in', { recursive: true })
    chmodSync(temp.path + '/closed', 0)
    process.exit(3)`
  const options = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
  const args = ['--conditions=source', '--input-type=module', '-e', script]
  const { status, stderr } = spawnSync(process.execPath, args, options)
  assert.equal(status, 3, stderr.toString())
  assert.deepEqual(readdirSync(outer.path), [])
})

test('a temp directory that is already gone is no failure', async () => {
  const temp = await makeTempDir('own-test-')
  execFileSync('rm', ['-r', temp.path])
  await temp[Symbol.asyncDispose]()
})

test('a system without a temp directory that can be used is told so', () => {
  const module = new URL('./index.ts', import.meta.url).href
  const script = `
    import { makeSpool, makeTempDir } from ${JSON.stringify(module)}
    for (const work of [() => makeTempDir('x-'), () => makeSpool(1).write(Buffer.from('more'))]) {
      await work().catch((error) => console.log(error.code, error.message))
    }`
  const args = ['--conditions=source', '--input-type=module', '-e', script]
  const { stdout } = spawnSync(process.execPath, args, { env: { TMPDIR: '/nowhere' }, encoding: 'utf8' })
  const line = 'WRITE_FAILED Cannot write to the temporary folder "/nowhere": the system says ENOENT\n'
  assert.equal(stdout, line + line)
})
