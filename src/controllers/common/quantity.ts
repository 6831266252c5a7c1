import { type Quantity, quantityMilliValue, quantityValue } from '#api';

/** Millis of a quantity, rounded up; 0 when absent. */
export function milliValue(quantity: Quantity | undefined): number {
  return quantity === undefined ? 0 : Number(quantityMilliValue(quantity));
}

/** Whole units of a quantity, rounded up; 0 when absent. */
export function unitValue(quantity: Quantity | undefined): number {
  return quantity === undefined ? 0 : Number(quantityValue(quantity));
}
