package main

import (
	"bytes"
	"cmp"
	"image"
	"image/color"
	"image/png"
	"maps"
	"slices"
	"testing"
)

// shrunk returns a picture with at most 256 colours, those of which there is
// most, which a page of plain surfaces and text does not show.
func shrunk(t *testing.T, data []byte) []byte {
	t.Helper()
	from, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	area := from.Bounds()
	counts := make(map[color.RGBA]int)
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			counts[opaque(from.At(x, y))]++
		}
	}
	to := image.NewPaletted(area, palette(counts))
	nearest := make(map[color.RGBA]uint8)
	for c := range counts {
		nearest[c] = uint8(to.Palette.Index(c))
	}
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			to.SetColorIndex(x, y, nearest[opaque(from.At(x, y))])
		}
	}
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, to); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func opaque(c color.Color) color.RGBA {
	r, g, b, _ := c.RGBA()
	return color.RGBA{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8), 255}
}

// palette takes of colours that are much the same the most frequent one, and of
// those the first 256.
func palette(counts map[color.RGBA]int) color.Palette {
	all := slices.SortedFunc(maps.Keys(counts), func(a, b color.RGBA) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a.R, b.R), cmp.Compare(a.G, b.G), cmp.Compare(a.B, b.B))
	})
	var best color.Palette
	seen := make(map[color.RGBA]bool)
	for _, c := range all {
		if about := (color.RGBA{c.R >> 3, c.G >> 3, c.B >> 3, 0}); !seen[about] && len(best) < 256 {
			seen[about] = true
			best = append(best, c)
		}
	}
	return best
}
