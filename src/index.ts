/**
 * dockertools: nixpkgs' dockerTools as a library. Everything public is named here.
 */
export { DockerToolsError, type ErrorCode, IntegrityError, ScriptError, TransferError } from '#errors'
export type { BuildEvent, Reporter } from '#events'
