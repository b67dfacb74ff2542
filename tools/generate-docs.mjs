// Writes docs/errors.md from the table of error codes; with --print it only shows what it would write.
// Run it as: node --conditions=source tools/generate-docs.mjs
import { writeFileSync } from 'node:fs'
import { ERROR_CODES } from '../src/errors.ts'

const head = `# Errors

<!-- Written by tools/generate-docs.mjs from src/errors.ts. -->

Every error has a code. A code is stable: programs branch on \`error.code\`, and the command line shows it as
\`error (CODE): message\`, or with \`--log-format json\` as \`{"type":"error","code":…,"message":…,"hint":…}\`. The text of a
message may be improved at any time. The status is what the command line exits with: 1 for a failure, 2 for the command
line or a definition, 3 for data that is not what it was promised to be, 130 after an interruption, 70 for a bug of this
package.

| code | status | meaning |
|---|---|---|
`

const rows = Object.entries(ERROR_CODES).map(
  ([code, [status, meaning]]) => `| \`${code}\` | ${status} | ${meaning} |\n`,
)

const tail = `
In a program every error is a \`DockerToolsError\` with \`code\`, \`message\`, and \`hint\` and \`cause\` where there is one:

- \`IntegrityError\` (\`DIGEST_MISMATCH\`, \`SIZE_MISMATCH\`, \`SIGNATURE_INVALID\`) also has \`expected\` and \`actual\`;
- \`TransferError\` (\`TRANSFER_FAILED\`) has \`url\`, without credentials, and \`status\`;
- \`ScriptError\` (\`SCRIPT_FAILED\`) has \`step\`, \`exitCode\` or \`signal\`, and \`stderrTail\`.
`

const text = head + rows.join('') + tail
if (process.argv.includes('--print')) process.stdout.write(text)
else writeFileSync(new URL('../docs/errors.md', import.meta.url), text)
