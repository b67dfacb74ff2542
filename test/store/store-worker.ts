// Adds to, copies to, builds into and collects a store at random until it is told to stop. One line on stdout for each thing done.
// Arguments: ROOT CACHE FOLDER SEED COUNT
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openRealiseSession, symlinkJoin, writeTextDir } from '#derivation'
import { isStorePath, openStore, openWritableStore, parseStorePath, type StorePath } from '#store'

const [root = '', cache = '', folder = '', seed = '', count = ''] = process.argv.slice(2)
let state = Number(seed)
function random(below: number): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
  return Math.floor((state / 2 ** 32) * below)
}

await using store = openWritableStore(`local:${root}`)
const from = await openStore(cache, { checkSignatures: false })
const cached = readdirSync(new URL(cache))
  .filter((name) => name.endsWith('.narinfo'))
  .map((name) => name.slice(0, 32))
let last: StorePath | undefined

/** A tree that others may be adding at this moment too. */
async function addTree(): Promise<StorePath> {
  const which = random(25)
  const tree = join(folder, `tree-${process.pid}`)
  rmSync(tree, { recursive: true, force: true })
  mkdirSync(join(tree, 'd'), { recursive: true })
  for (let file = 0; file < 5 + which * 4; file++)
    writeFileSync(join(tree, 'd', `f${file}`), `${which} `.repeat(file * 9))
  symlinkSync('d', join(tree, 'link'))
  return await store.addLocal(tree, `tree-${which}`)
}

async function addText(): Promise<StorePath> {
  const reference = last !== undefined && isStorePath(last) ? [last] : []
  return await store.addText(`text-${random(30)}`, `refers to ${reference.join('')}`, reference)
}

async function copy(): Promise<StorePath> {
  const path = (await from.findByHashPart(cached[random(cached.length)]!))!
  await store.copyClosure(from, [path])
  return path
}

/** What others may be making too: texts that are made first, then what joins them. */
async function build(): Promise<StorePath> {
  const which = random(15)
  const paths = [which, which + 1].map((index) => writeTextDir(`share/t${index}`, `text ${index}`.repeat(index * 50)))
  const session = openRealiseSession({ store, writable: store })
  return await session.realise(symlinkJoin({ name: `joined-${which}`, paths }))
}

async function work(): Promise<string> {
  const choice = random(20)
  if (choice === 0) {
    await store.collectGarbage()
    return 'collect'
  }
  if (choice === 1 && last !== undefined) {
    await store.addRoot(join(folder, `result-${random(6)}`), last)
    return 'root'
  }
  if (choice === 2) {
    rmSync(join(folder, `result-${random(6)}`), { force: true })
    return 'unroot'
  }
  last = await (choice < 8 ? addTree() : choice < 12 ? addText() : choice < 16 ? build() : copy())
  // Whatever others collect, what was added here stays as long as this process is there.
  await store.realPath(parseStorePath(last))
  return `add ${last}`
}

for (let done = 0; done < Number(count); done++) process.stdout.write(`${await work()}\n`)
