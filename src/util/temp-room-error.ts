import { tmpdir } from 'node:os'
import { DockerToolsError, systemErrorCode } from '#errors'

/** The error where nothing can be made in the system's temp directory; `cause` itself where that is something else. */
export function tempRoomError(cause: unknown): unknown {
  const code = systemErrorCode(cause)
  if (code === undefined) return cause
  return new DockerToolsError(
    'WRITE_FAILED',
    `Cannot write to the temporary folder "${tmpdir()}": the system says ${code}`,
    {
      cause,
      hint: 'Set TMPDIR to a folder that is there, may be written to, and has room',
    },
  )
}
