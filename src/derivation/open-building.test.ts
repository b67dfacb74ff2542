import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { probeIsolation } from '#runner'
import { ROOT } from '../../test/support/places.ts'
import { openWorkshop } from './test-support.test.ts'

const isolation = await probeIsolation()
const needsIsolation = { skip: isolation.isAvailable ? false : `no namespaces here: ${isolation.reason}` }

/** A user namespace in which no other one can be made. */
const WITHOUT_NAMESPACES = `echo 0 > /proc/sys/user/max_user_namespaces; exec "$@"`

/** Realises a value in a process that gets no namespaces, and gives its path or its error, and its warnings. */
function realiseOpenly(root: string, value: string): string[] {
  const program = `import { readFileSync } from 'node:fs'
    import { runCommand, writeText } from '#derivation'
    import { openRealiseSession, symlinkJoin } from '#derivation'
    import { withReporter } from '#events'
    import { openWritableStore } from '#store'
    await using store = openWritableStore('local:${root}')
    const said = []
    const report = (event) => {
      if (event.type === 'warning') said.push(event.code + ' ' + event.message)
      if (event.type === 'script-output') said.push(event.text)
    }
    const session = openRealiseSession({ store, writable: store })
    try {
      const path = await withReporter(report, () => session.realise(${value}))
      said.push(readFileSync('${root}' + path, 'utf8'))
    } catch (error) { said.push(error.code + ' ' + error.message) }
    console.log(JSON.stringify(said))`
  const node = [process.execPath, '--conditions=source', '--input-type=module', '-e', program]
  const within = ['--user', '--map-root-user', 'sh', '-ec', WITHOUT_NAMESPACES, 'sh']
  return JSON.parse(execFileSync('unshare', [...within, ...node], { cwd: ROOT, encoding: 'utf8' })) as string[]
}

test(
  'without namespaces a builder runs in the open, which is told, unless it could not work or names a wrong place',
  needsIsolation,
  async () => {
    await using shop = await openWorkshop()
    const [warning, content] = realiseOpenly(
      shop.root,
      `runCommand('open', { A: 'b' }, 'pwd > here; cmp here <(echo "$TMPDIR"); echo "$A $HOME $(umask)" > $out')`,
    )
    assert.match(warning!, /^NOT_ISOLATED the builder of "open" is not isolated, .*unshare/s)
    assert.equal(content, 'b /homeless-shelter 0022\n')

    // Nobody quotes "$out".
    const spaced = realiseOpenly(
      join(shop.path, 'a place'),
      `runCommand('open', {}, 'echo > $TMPDIR/x; echo 1 > $out')`,
    )
    assert.equal(spaced.at(-1), '1\n')
    assert.equal(spaced.length, 2)
    assert.match(
      realiseOpenly(join(shop.path, 'a place'), `runCommand('self', {}, 'mkdir $out; ln -s $out/x $out/y')`).at(-1)!,
      /^OUTPUT_INVALID/,
    )

    const self = realiseOpenly(shop.root, `runCommand('self', {}, 'mkdir $out; echo see $out > $out/file')`).at(-1)!
    assert.match(self, /^OUTPUT_INVALID Cannot use what the builder of "self" made: ".*-self\/file" names the folder/)

    const input = realiseOpenly(shop.root, `runCommand('input', {}, 'cat ' + writeText('text', '') + ' > $out')`)
    assert.equal(input.length, 1)
    assert.match(input[0]!, /^STORE_UNAVAILABLE Cannot run the builder of "input": it has to see "[^"]*-text", /)
    assert.deepEqual(
      shop.names().filter((name) => /-(self|input)$/.test(name)),
      [],
    )
    assert.deepEqual((await shop.store.verify({ checksContents: true })).faults, [])
  },
)
