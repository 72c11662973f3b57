// What Brainscan uses of NiiVue, for the type checker alone.
export class NVImage {
  static new(buffer: ArrayBuffer, name: string, colormap: string, opacity: number): Promise<NVImage>;
  cal_min: number;
  cal_max: number;
}
export class Niivue {
  constructor(options: Record<string, unknown>);
  gl: WebGL2RenderingContext;
  attachToCanvas(canvas: HTMLCanvasElement): Promise<Niivue>;
  addColormap(name: string, map: { R: number[]; G: number[]; B: number[]; A: number[]; I: number[] }): void;
  addVolume(volume: NVImage): void;
  setSliceType(type: number): void;
  setRenderAzimuthElevation(azimuth: number, elevation: number): void;
  setClipPlane(plane: [number, number, number]): void;
  setOpacity(volume: number, opacity: number): void;
  updateGLVolume(): void;
  drawScene(): void;
  cleanup(): void;
}
export const SLICE_TYPE: { RENDER: number };
