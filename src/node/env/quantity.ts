import { parseQuantity } from '#api';

/** How often `divisor` fits into `quantity`, rounded up, as the downward API prints it; undefined when malformed. */
export function divideRoundingUp(quantity: string | number, divisor: string | number): string | undefined {
  try {
    const value = parseQuantity(quantity).nano;
    const by = parseQuantity(divisor).nano;
    return by <= 0n ? undefined : String((value + by - 1n) / by);
  } catch {
    return undefined;
  }
}
