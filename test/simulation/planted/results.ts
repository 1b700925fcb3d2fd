/** What it took to find a planted defect. */
export interface PlantedResult {
  readonly name: string;
  readonly says: string;
  readonly scenario: string;
  readonly oracle: string;
  /** Seeds that were run, from 1 on, the finding one included. */
  readonly seeds: number;
  /** What these runs took, on one core. */
  readonly seconds: number;
}
