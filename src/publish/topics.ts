/** Every topic under `<prefix>/<deviceId>`. */
export interface Topics {
  readonly availability: string;
  readonly inputAvailability: string;
  readonly alarm: string;
  readonly event: string;
  readonly class: string;
  readonly level: string;
  readonly health: string;
  readonly scores: string;
}

/**
 * @param prefix `bathnet`
 * @param deviceId matches `[a-z0-9_-]+`
 */
export function topicsOf({ prefix, deviceId }: { prefix: string; deviceId: string }): Topics {
  const base = `${prefix}/${deviceId}`;
  return {
    availability: `${base}/availability`,
    inputAvailability: `${base}/input/availability`,
    alarm: `${base}/alarm`,
    event: `${base}/event`,
    class: `${base}/class`,
    level: `${base}/level`,
    health: `${base}/health`,
    scores: `${base}/scores`,
  };
}
