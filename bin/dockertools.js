#!/usr/bin/env node
// Plain JavaScript that every Node can read: it says what is wrong where Node is too old for the rest.
import process from 'node:process'

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if ((major === 24 && minor >= 15) || major >= 26) {
  if (process.argv.length === 3 && process.argv[2] === '--version') {
    // Answered here: loading the program would take longer than the answer.
    const { readFileSync, writeSync } = await import('node:fs')
    const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
    try {
      writeSync(1, `${version}\n`)
    } catch {
      const { main } = await import('../dist/main.js')
      await main(['--version'], version)
    }
  } else {
    // Nearly all objects die at once or live to the end: a nursery that never grows saves up to 90 MB and costs nothing.
    const { setFlagsFromString } = await import('node:v8')
    setFlagsFromString('--semi-space-growth-factor=1')
    const { main } = await import('../dist/main.js')
    await main(process.argv.slice(2))
  }
} else {
  process.stderr.write(
    `error (USAGE): Cannot run dockertools: this is Node ${process.versions.node}, it should be 24.15 or later, or 26\n`,
  )
  process.exitCode = 2
}
