import { isAlreadyExists, isConflict, isNotFound, StatusError } from '#api';

/** Lost races and vanished objects: the next sync settles them, nobody needs to read about them. */
export function isRoutineError(error: unknown): boolean {
  return isConflict(error) || isNotFound(error) || isAlreadyExists(error);
}

/** A create was refused because the namespace is being deleted; retrying cannot help. */
export function isNamespaceTerminating(error: unknown): boolean {
  return (
    error instanceof StatusError &&
    error.reason === 'Forbidden' &&
    (error.status.details?.causes ?? []).some((cause) => cause.reason === 'NamespaceTerminating')
  );
}

/** Runs `write` and treats "it is already gone" as done. */
export async function ignoreNotFound(write: Promise<unknown>): Promise<void> {
  try {
    await write;
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
