/** Query and path parameters of the API, by name: type and a short description. */
export const parameters: Readonly<Record<string, { type: string; description: string }>> = {
  name: { type: 'string', description: 'name of the object' },
  namespace: { type: 'string', description: 'namespace of the object, as in the object itself' },
  pretty: { type: 'string', description: "If 'true', the answer is indented." },
  allowWatchBookmarks: { type: 'boolean', description: 'Asks for BOOKMARK events in a watch.' },
  continue: { type: 'string', description: 'The continue token of the list that this one goes on with.' },
  dryRun: {
    type: 'string',
    description: "With 'All' the request goes through every step but is not stored.",
  },
  fieldManager: {
    type: 'string',
    description: 'Name of the program or person that makes the change; its fields are tracked under it.',
  },
  fieldSelector: { type: 'string', description: 'Restricts the objects by their fields.' },
  fieldValidation: {
    type: 'string',
    description: "What becomes of unknown or duplicate fields: 'Ignore', 'Warn' (the default) or 'Strict'.",
  },
  force: { type: 'boolean', description: 'Takes over fields that other managers own (apply patches only).' },
  gracePeriodSeconds: {
    type: 'integer',
    description: 'Seconds before the object is gone; zero deletes at once.',
  },
  labelSelector: { type: 'string', description: 'Restricts the objects by their labels.' },
  limit: {
    type: 'integer',
    description: 'The most objects to return in one answer; the rest is reached by continue.',
  },
  orphanDependents: { type: 'boolean', description: 'Replaced by propagationPolicy.' },
  propagationPolicy: {
    type: 'string',
    description: "What becomes of dependents: 'Orphan', 'Background' or 'Foreground'.",
  },
  resourceVersion: {
    type: 'string',
    description: 'The version that the answer must be at, or not older than.',
  },
  resourceVersionMatch: { type: 'string', description: 'How resourceVersion is meant for lists.' },
  sendInitialEvents: {
    type: 'boolean',
    description: 'Begins a watch with the objects that exist, then a bookmark.',
  },
  timeoutSeconds: { type: 'integer', description: 'Seconds after which a list or watch ends.' },
  watch: { type: 'boolean', description: 'Streams changes instead of listing.' },
};

/** Content types of PATCH bodies. */
export const patchTypes = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
];
