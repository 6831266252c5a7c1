export * from './field-selector.js';
export type { LabelOperator, LabelRequirement } from './label-requirement.js';
export * from './label-selector.js';
export * from './quantity.js';
export * from './selectable-fields.js';
export * from './selector-error.js';
export * from './selector-match.js';
