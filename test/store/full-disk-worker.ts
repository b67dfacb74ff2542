// Fills a disk but for a little, writes to a store on it, and makes room again: over and over, with a little more left
// each time. One line of JSON on stdout for each try. Arguments: DISK CACHE TREE
import { readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openRealiseSession, writeTextDir } from '#derivation'
import { DockerToolsError } from '#errors'
import { openStore, openWritableStore, type StorePath, type WritableStore } from '#store'

const [disk = '', cache = '', tree = ''] = process.argv.slice(2)
const root = join(disk, 'store')
const STEP_KIB = 12
const MOST_KIB = 168
/** More than anything here takes up. */
const CONTENT = 'x'.repeat(20_000)

type Work = (store: WritableStore, index: number) => Promise<unknown>

const works: Readonly<Record<string, Work>> = {
  'a text': (store, index) => store.addText(`text-${index}`, CONTENT),
  'a tree': (store, index) => store.addLocal(tree, `tree-${index}`),
  'a root': async (store, index) => {
    const path = await store.addText('x', 'x')
    await store.addRoot(join(disk, `result-${index}`), path)
  },
  'a closure': async (store) => {
    const from = await openStore(cache, { checkSignatures: false })
    const names = readdirSync(new URL(cache)).filter((name) => name.endsWith('.narinfo'))
    const paths = await Promise.all(names.map((name) => from.findByHashPart(name.slice(0, 32))))
    await store.copyClosure(from, paths as StorePath[])
  },
  'an output': async (store, index) => {
    const value = writeTextDir(`share/${index}`, CONTENT)
    return await openRealiseSession({ store, writable: store }).realise(value)
  },
  'a collection': (store) => store.collectGarbage(),
}

for (const [what, work] of Object.entries(works)) {
  for (let freeKib = 0; freeKib <= MOST_KIB; freeKib += STEP_KIB) {
    const filler = join(disk, 'filler')
    const { bavail, bsize } = statfsSync(disk)
    writeFileSync(filler, Buffer.alloc(Math.max(0, bavail * bsize - freeKib * 1024)))
    const failure = await attempt((store) => work(store, freeKib))
    rmSync(filler)
    await using store = openWritableStore(`local:${root}`, { environment: {} })
    const { faults } = await store.verify({ checksContents: true })
    process.stdout.write(`${JSON.stringify({ what, freeKib, failure, faults })}\n`)
    // The next one has it to do again.
    await store.collectGarbage()
  }
}

/** What went wrong; null where nothing did. */
async function attempt(work: (store: WritableStore) => Promise<unknown>): Promise<string | null> {
  try {
    await using store = openWritableStore(`local:${root}`, { environment: {} })
    await work(store)
    return null
  } catch (error) {
    if (error instanceof DockerToolsError) return `${error.code} ${error.message}`
    throw error
  }
}
