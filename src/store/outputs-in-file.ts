import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { isStorePath, type StorePath } from './store-path.ts'

/** A derivation with a hundred outputs has less before its inputs. */
const MAX_HEAD_BYTES = 64 * 1024
const FIELD = '"([^"\\\\]{0,512})"'
const OUTPUT = new RegExp(`\\(${FIELD},${FIELD},"[^"\\\\]{0,16}","[^"\\\\]{0,160}"\\)(,|\\],)`, 'y')
const START = 'Derive(['

/**
 * Where the outputs of a derivation belong, by name, as its `.drv` file says:
 * the database of a store has them beside the file. Nothing for a file that is
 * no derivation, or whose outputs are known only once they are built.
 */
export function outputsInFile(file: string, storeDir: string): ReadonlyMap<string, StorePath> {
  const text = readHead(file)
  const outputs = new Map<string, StorePath>()
  if (!text.startsWith(START)) return outputs
  for (let at = START.length; ;) {
    OUTPUT.lastIndex = at
    const [whole = '', name = '', path = '', next] = OUTPUT.exec(text) ?? []
    if (whole === '' || !isStorePath(path, storeDir)) return new Map()
    outputs.set(name, path)
    if (next !== ',') return outputs
    at += whole.length
  }
}

function readHead(file: string): string {
  const fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    if (!fstatSync(fd).isFile()) return ''
    const head = Buffer.alloc(MAX_HEAD_BYTES)
    return head.toString('latin1', 0, readSync(fd, head, 0, head.length, 0))
  } finally {
    closeSync(fd)
  }
}
