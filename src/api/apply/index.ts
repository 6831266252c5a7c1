export {
  applyObject,
  type FieldWriter,
  updateManagedFields,
} from './field-manager.js';
