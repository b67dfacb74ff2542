/**
 * Compression against the programs it replaces: 128 MiB of real files, each
 * contestant in turn, medians. Run with `node --conditions=source bench/compress.ts [rounds]`.
 */
import { spawnSync } from 'node:child_process'
import {
  closeSync,
  createReadStream,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CompressorName, decompress, getCompressor } from '#compress'

const SAMPLE_BYTES = 128 * 1024 ** 2
const rounds = Number(process.argv[2] ?? 5)

interface Result {
  readonly name: string
  readonly reference: string
  readonly seconds: number[]
  bytes: number
}

const folder = mkdtempSync(join(tmpdir(), 'dockertools-bench-'))
try {
  await main()
} finally {
  rmSync(folder, { recursive: true })
}

async function main(): Promise<void> {
  const sample = join(folder, 'sample')
  writeSample(sample)
  const packed = { gz: join(folder, 'sample.gz'), zstd: join(folder, 'sample.zst') }
  runProgram('pigz', ['-n', '-p2', '-c'], sample, packed.gz)
  runProgram('zstd', ['-T2', '-q', '-c'], sample, packed.zstd)
  const contestants: [name: string, reference: string, run: () => number | Promise<number>][] = [
    ['pigz -n -p2', 'pigz -n -p2', () => runProgram('pigz', ['-n', '-p2', '-c'], sample)],
    ['gz', 'pigz -n -p2', () => compressWith('gz', sample)],
    ['zstd -T2', 'zstd -T2', () => runProgram('zstd', ['-T2', '-q', '-c'], sample)],
    ['zstd', 'zstd -T2', () => compressWith('zstd', sample)],
    ['pigz -dc', 'pigz -dc', () => runProgram('pigz', ['-dc'], packed.gz)],
    ['gz, decompress', 'pigz -dc', () => decompressAll(packed.gz)],
    ['zstd -dc', 'zstd -dc', () => runProgram('zstd', ['-dcq'], packed.zstd)],
    ['zstd, decompress', 'zstd -dc', () => decompressAll(packed.zstd)],
  ]
  const results = contestants.map(([name, reference]): Result => ({ name, reference, seconds: [], bytes: 0 }))
  for (let round = 0; round < rounds; round++) {
    for (const [index, [, , run]] of contestants.entries()) {
      const start = performance.now()
      results[index]!.bytes = await run()
      results[index]!.seconds.push((performance.now() - start) / 1000)
    }
  }
  print(results)
}

/** Files of /usr in the order of their names, until there are enough bytes. */
function writeSample(path: string): void {
  const sample = openSync(path, 'w')
  let left = SAMPLE_BYTES
  for (const root of ['/usr/bin', '/usr/share', '/usr/lib']) {
    let ofRoot = root === '/usr/lib' ? left : SAMPLE_BYTES / 3
    for (const file of filesBelow(root)) {
      if (ofRoot <= 0) break
      const bytes = readFileSync(file).subarray(0, ofRoot)
      writeSync(sample, bytes)
      ofRoot -= bytes.length
      left -= bytes.length
    }
  }
  closeSync(sample)
}

function* filesBelow(folderPath: string): Generator<string> {
  const entries = readdirSync(folderPath, { withFileTypes: true })
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folderPath, entry.name)
    if (entry.isFile()) yield path
    else if (entry.isDirectory()) yield* filesBelow(path)
  }
}

function runProgram(program: string, args: readonly string[], input: string, output = join(folder, 'out')): number {
  const stdin = openSync(input, 'r')
  const stdout = openSync(output, 'w')
  const { status } = spawnSync(program, args, { stdio: [stdin, stdout, 'inherit'] })
  closeSync(stdin)
  closeSync(stdout)
  if (status !== 0) throw new Error(`${program} is not there or failed`)
  return statSync(output).size
}

async function compressWith(name: CompressorName, input: string): Promise<number> {
  const plain = createReadStream(input, { highWaterMark: 1024 ** 2 })
  return await writeOut(getCompressor(name).compress(plain))
}

async function decompressAll(input: string): Promise<number> {
  return await writeOut(decompress('auto', createReadStream(input, { highWaterMark: 256 * 1024 })))
}

async function writeOut(chunks: AsyncIterable<Uint8Array>): Promise<number> {
  const output = openSync(join(folder, 'out'), 'w')
  let bytes = 0
  for await (const chunk of chunks) bytes += writeSync(output, chunk)
  closeSync(output)
  return bytes
}

function print(results: readonly Result[]): void {
  console.log('| | s (median) | MB/s of plain | bytes | x reference | size |')
  console.log('|---|---|---|---|---|---|')
  for (const { name, reference, seconds, bytes } of results) {
    const other = results.find((result) => result.name === reference)!
    const time = median(seconds)
    const cells = [
      name,
      time.toFixed(2),
      (SAMPLE_BYTES / 1e6 / time).toFixed(0),
      bytes.toLocaleString('en'),
      (time / median(other.seconds)).toFixed(2),
      `${((bytes / other.bytes - 1) * 100).toFixed(2)} %`,
    ]
    console.log(`| ${cells.join(' | ')} |`)
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}
