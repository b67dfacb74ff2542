import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { DockerToolsError } from '#errors'
import { formatIdRanges, type IdMapping, type IdRange } from './id-mapping.ts'

/** A user namespace that is kept open for processes to enter. */
export interface UserNamespace extends AsyncDisposable {
  /** Arguments of `nsenter` that enter it as its root. */
  readonly enterArguments: readonly string[]
}

/**
 * Makes a user namespace with a mapping. A process that does nothing holds it
 * until it is disposed of, or until this process ends: it waits for its input.
 *
 * @throws {DockerToolsError} `RUNNER_UNAVAILABLE` where the system does not allow it.
 */
export async function makeUserNamespace(mapping: IdMapping): Promise<UserNamespace> {
  const holder = spawn('unshare', ['--user', 'cat'], { stdio: ['pipe', 'pipe', 'pipe'] })
  let said = ''
  holder.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  const ended = new Promise<never>((_resolve, reject) => {
    holder.once('error', (error) => reject(refused(error.message)))
    holder.once('close', () => reject(refused(said.trim())))
  })
  ended.catch(() => undefined)
  try {
    holder.stdin.on('error', () => undefined).write('\n')
    // It answers when it is inside.
    await Promise.race([once(holder.stdout, 'data'), ended])
    const { pid } = holder
    if (pid === undefined) throw refused('there is no process')
    writeMapping(pid, mapping)
    const isItself = mapping.uids[0]?.outside === process.getuid?.()
    return {
      enterArguments: [
        `--user=/proc/${pid}/ns/user`,
        // Who is root in there already may not be able to change its groups.
        ...(isItself ? ['--preserve-credentials'] : ['--setuid', '0', '--setgid', '0']),
      ],
      [Symbol.asyncDispose]: async () => {
        holder.kill('SIGKILL')
        await ended.catch(() => undefined)
      },
    }
  } catch (error) {
    holder.kill('SIGKILL')
    throw error
  }
}

function writeMapping(pid: number, { uids, gids, writer }: IdMapping): void {
  if (writer === 'newuidmap') {
    runMapper('newuidmap', pid, uids)
    runMapper('newgidmap', pid, gids)
    return
  }
  try {
    // Who has no right over groups may map its own only after giving up setgroups().
    if (process.getuid?.() !== 0) writeFileSync(`/proc/${pid}/setgroups`, 'deny')
    writeFileSync(`/proc/${pid}/uid_map`, formatIdRanges(uids))
    writeFileSync(`/proc/${pid}/gid_map`, formatIdRanges(gids))
  } catch (cause) {
    throw refused(cause instanceof Error ? cause.message : String(cause))
  }
}

function runMapper(program: string, pid: number, ranges: readonly IdRange[]): void {
  const numbers = ranges.flatMap(({ inside, outside, count }) => [inside, outside, count].map(String))
  const { status, stderr, error } = spawnSync(program, [String(pid), ...numbers], { encoding: 'utf8' })
  if (status !== 0) throw refused(error?.message ?? `${program}: ${stderr.trim()}`)
}

function refused(reason: string): DockerToolsError {
  return new DockerToolsError('RUNNER_UNAVAILABLE', `Cannot make a user namespace: ${reason}`, {
    hint: 'Allow user namespaces (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone), or use another runner',
  })
}
