export {
  applyObject,
  type FieldWriter,
  updateManagedFields,
} from './field-manager.js';
export { FieldSet } from './field-set.js';
export { resetFields } from './untracked.js';
