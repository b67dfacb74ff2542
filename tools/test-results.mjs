// A reporter that prints nothing. With DOCKERTOOLS_TEST_RESULTS it writes into that file how every test has ended, a JSON
// object a line, for tools/parity.ts to look up.
import { appendFileSync } from 'node:fs'
import { relative } from 'node:path'

// oxlint-disable-next-line require-yield -- the interface of reporters
export default async function* testResults(events) {
  const target = process.env.DOCKERTOOLS_TEST_RESULTS
  for await (const { type, data } of events) {
    if (target === undefined || (type !== 'test:pass' && type !== 'test:fail') || data.file === undefined) continue
    const skipped = data.skip !== undefined && data.skip !== false
    const outcome = skipped ? 'skipped' : type === 'test:pass' ? 'passed' : 'failed'
    const result = { file: relative(process.cwd(), data.file), name: data.name, outcome }
    appendFileSync(target, `${JSON.stringify(result)}\n`)
  }
}
