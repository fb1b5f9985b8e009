// How the pages would look, light and dark, before it is saved.

import { useEffect, useRef } from "preact/hooks";
import type { Look, LogoView } from "../generated/api.ts";
import { isColour, nearestDark, TEXT, worst, type Scheme } from "../contrast.ts";
import { t } from "../words.ts";

/** The words on buttons, as the server chooses them: of the page's end of the scale. */
const ON: Readonly<Record<Scheme, string>> = { light: "#ffffff", dark: "#000000" };

interface Props {
  readonly name: string;
  readonly accent: string;
  readonly accentDark: string;
  readonly look: Look;
  /** Pictures that are not sent yet. */
  readonly chosen: Readonly<Record<Scheme, File | undefined>>;
}

/** Both kinds of page, side by side. */
export function Preview({ name, accent, accentDark, look, chosen }: Props) {
  const light = isColour(accent) && worst("light", accent) >= TEXT ? accent : undefined;
  const own = isColour(accentDark) && worst("dark", accentDark) >= TEXT ? accentDark : undefined;
  const dark = light === undefined ? undefined : (own ?? nearestDark(light));
  const ofDark = chosen.dark ?? look.logo_dark;
  return (
    <section aria-labelledby="preview-title">
      <h2 id="preview-title">{t("look-preview")}</h2>
      <p>{t("look-preview-lead")}</p>
      <div class="previews" id="preview">
        <Sheet scheme="light" colour={light} name={name} logo={chosen.light ?? look.logo} />
        <Sheet scheme="dark" colour={dark} name={name} logo={ofDark ?? chosen.light ?? look.logo} onWhite={ofDark == null} />
      </div>
    </section>
  );
}

interface SheetProps {
  readonly scheme: Scheme;
  /** `undefined` for the colour that the pages come with. */
  readonly colour: string | undefined;
  readonly name: string;
  readonly logo: File | LogoView | null | undefined;
  /** Whether it is made for light pages, and so stands on white. */
  readonly onWhite?: boolean;
}

function Sheet({ scheme, colour, name, logo, onWhite = false }: SheetProps) {
  const sheet = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // By the object, not by an attribute: the page's policy allows the one alone.
    const style = sheet.current?.style;
    for (const [property, value] of [["--accent", colour], ["--on-accent", colour === undefined ? undefined : ON[scheme]]] as const) {
      if (value === undefined) style?.removeProperty(property);
      else style?.setProperty(property, value);
    }
  }, [scheme, colour]);
  return (
    <div class={`preview preview-${scheme}`} ref={sheet}>
      <p>
        <Picture logo={logo} name={name} onWhite={onWhite} />
      </p>
      <p>
        {t(`look-preview-${scheme}`)} <span class="link">{t("look-preview-link")}</span>
      </p>
      <p>
        <span class="button">{t("look-preview-button")}</span>
      </p>
    </div>
  );
}

function Picture({ logo, name, onWhite }: { logo: SheetProps["logo"]; name: string; onWhite: boolean }) {
  const kind = onWhite ? "on-white" : undefined;
  if (logo == null) return <strong>{name}</strong>;
  if (logo instanceof File) return <Drawn file={logo} name={name} kind={kind} />;
  return <img class={kind} src={logo.address} alt={name} width={logo.width} height={logo.height} />;
}

/** A file that is not sent yet, drawn: the page's policy loads pictures from the server alone. */
function Drawn({ file, name, kind }: { file: File; name: string; kind: string | undefined }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    let gone = false;
    createImageBitmap(file).then(
      (bitmap) => {
        const own = canvas.current;
        if (gone || own === null) return;
        [own.width, own.height] = [bitmap.width, bitmap.height];
        own.getContext("2d")?.drawImage(bitmap, 0, 0);
      },
      // What is no picture shows nothing here, and the server says so.
      () => undefined,
    );
    return () => {
      gone = true;
    };
  }, [file]);
  return <canvas ref={canvas} class={kind} role="img" aria-label={name} />;
}
