import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { makeTempDir } from '#util'
import { BINARY } from '../support/places.ts'
import { GUEST_KERNEL, needsGuest } from '../support/run-jobs.ts'
import { startDockerDaemon } from './docker-daemon.ts'
import { needsRoot } from './needs.ts'
import { type Command, run } from './run.ts'

const NOBODY = '65534'

/** The examples of upstream's manual, with programs of this machine. */
const DEFINITIONS = `
import { buildImage, hostProgram, makeShadowSetup } from 'dockertools'
const programs = ['bash', 'cat', 'chown', 'ls', 'mkdir', 'rm', 'stat'].map((name) => '/bin/' + name)
const tools = hostProgram([...programs, '/usr/sbin/groupadd', '/usr/sbin/useradd'])
const common = { tag: '1', compressor: 'none', diskSize: 256, buildVMMemorySize: 512 }
export const base = buildImage({ ...common, name: 'base', copyToRoot: [tools, './etc'] })
const onBase = { ...common, fromImage: './base.tar' }
const config = (script) => ({ Cmd: ['/bin/bash', '-c', script], WorkingDir: '/' })
export const redis = buildImage({
  ...onBase,
  name: 'redis',
  runAsRoot: '#!/bin/bash\\nmkdir -p /data\\n',
  config: { ...config('stat -c "%A %u:%g %n" /data'), Volumes: { '/data': {} } },
})
export const users = buildImage({
  ...onBase,
  name: 'users',
  runAsRoot: makeShadowSetup({ shadow: tools, shell: '/bin/bash' }) +
    'groupadd -r redis\\nuseradd -r -g redis redis\\nmkdir /data\\nchown redis:redis /data\\n',
  config: config('stat -c "%U:%G %n" /data; cat /etc/group'),
})
export const removed = buildImage({
  ...onBase,
  name: 'removed',
  runAsRoot: 'rm /unwanted; ls / > /left',
  config: config('test ! -e /unwanted && cat /wanted'),
})
`

/** What each prints when it runs. */
const PRINTED: Readonly<Record<string, RegExp>> = {
  redis: /^drwxr-xr-x 0:0 \/data\n$/,
  users: /^redis:redis \/data\nroot:x:0:\nredis:x:\d+:\n$/,
  removed: /^wanted\n$/,
}

const needed = needsRoot('dockerd', 'docker', 'runc', 'unshare', 'newuidmap', 'setpriv', '/usr/sbin/useradd')
const guest = needsGuest()

/** With ranges of numbers for an ordinary user, in a mount table where nobody else sees them. */
const AS_NOBODY = `
mount --bind "$1" /etc/subuid
mount --bind "$1" /etc/subgid
shift
exec setpriv --reuid=${NOBODY} --regid=${NOBODY} --clear-groups "$@"
`

suite("upstream's examples of runAsRoot", needed, () => {
  for (const [name, printed] of Object.entries(PRINTED)) {
    test(`${name}: one archive by every runner and user, which runs in Docker`, async (t) => {
      await using temp = await makeTempDir('up-')
      const { path } = temp
      chmodSync(path, 0o755)
      mkdirSync(join(path, 'etc'))
      for (const file of ['wanted', 'unwanted']) writeFileSync(join(path, 'etc', file), `${file}\n`)
      writeFileSync(join(path, 'images.mjs'), DEFINITIONS)
      writeFileSync(join(path, 'numbers'), `${NOBODY}:200000:65536\n`)
      await run(call(path, 'root', 'base', 'base.tar', []))
      const archive = join(path, 'root.tar')
      await run(call(path, 'root', name, archive, ['--runner', 'namespace']))
      const asUser = join(path, 'user/user.tar')
      await run(call(path, 'user', name, asUser, ['--runner', 'namespace']))
      const digests = [archive, asUser].map(digestOf)
      if (guest.skip === false && GUEST_KERNEL !== undefined && isInGuest(name)) {
        const inGuest = join(path, 'guest.tar')
        await run(call(path, 'root', name, inGuest, ['--runner', 'vm', '--vm-kernel', GUEST_KERNEL]))
        digests.push(digestOf(inGuest))
      } else t.diagnostic('not built in a guest')
      assert.equal(new Set(digests).size, 1, digests.join('\n'))
      await using daemon = await startDockerDaemon(join(path, 'd'))
      await daemon.docker('load', '-q', '-i', archive)
      const isolated = ['--rm', '--network=none']
      assert.match(await daemon.docker('run', ...isolated, `${name}:1`), printed)
    })
  }
})

/** A guest takes its time where it is emulated: the others are for whoever asks. */
function isInGuest(name: string): boolean {
  return name === 'users' || process.env['DOCKERTOOLS_MORE_GUESTS'] !== undefined
}

/** A build of one of the definitions by root, or by an ordinary user that has a range of numbers. */
function call(path: string, who: 'root' | 'user', name: string, output: string, options: readonly string[]): Command {
  const build = [process.execPath, BINARY, 'build', '-q', `images.mjs#${name}`, '-o', output, ...options]
  const own = join(path, who)
  mkdirSync(own, { recursive: true })
  chmodSync(own, 0o777)
  const folders = { HOME: own, TMPDIR: own, XDG_CACHE_HOME: join(own, 'cache'), XDG_DATA_HOME: join(own, 'data') }
  const env = { ...process.env, ...folders }
  if (who === 'root') return { program: build[0] ?? '', args: build.slice(1), cwd: path, env }
  const asNobody = ['--mount', '--propagation', 'private', 'bash', '-e', '-c', AS_NOBODY, 'nobody']
  return { program: 'unshare', args: [...asNobody, join(path, 'numbers'), ...build], cwd: path, env }
}

function digestOf(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex')
}
