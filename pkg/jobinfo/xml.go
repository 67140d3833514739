package jobinfo

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"qm/pkg/layout"
)

// root is the name of the document's element.
const root = "PARAMETER"

// parseXML reads <PARAMETER><key value="..."/>...</PARAMETER>. Elements deeper
// down are the user's own. Entities other than XML's five are refused, so
// nothing is ever fetched.
func (f *form) parseXML(data []byte) {
	text, ok := f.xmlText(data)
	if !ok {
		return
	}
	p := xmlParser{form: f, text: text, decoder: xml.NewDecoder(strings.NewReader(text))}
	p.decoder.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil } // done already
	if err := p.document(); err != nil {
		f.refuseXML(err, p)
		return
	}
	f.needScript()
}

func (f *form) refuseXML(err error, p xmlParser) {
	if refused, ok := errors.AsType[*Refusal](err); ok {
		f.refuse(*refused)
		return
	}
	line, _ := p.decoder.InputPos()
	problem := err.Error()
	if syntax, ok := errors.AsType[*xml.SyntaxError](err); ok {
		line, problem = syntax.Line, syntax.Msg
	}
	f.refuse(Refusal{Line: line, Problem: "not well-formed XML: " + layout.Display(shorten(problem)),
		Remedy: `close each element and quote each value; write &lt; for < and &amp; for &`})
}

// xmlParser reads the elements of a document into a form.
type xmlParser struct {
	form    *form
	text    string
	decoder *xml.Decoder
	depth   int
	rooted  bool
}

func (p *xmlParser) document() error {
	for {
		line, _ := p.decoder.InputPos()
		start := p.decoder.InputOffset()
		token, err := p.decoder.Token()
		if errors.Is(err, io.EOF) && p.rooted {
			return nil
		} else if errors.Is(err, io.EOF) {
			return &Refusal{Line: line, Problem: "no element <" + root + ">", Remedy: "write <" + root + ">...</" + root + ">"}
		} else if err != nil {
			return err
		}
		switch token := token.(type) {
		case xml.StartElement:
			err = p.element(token, line, p.text[start:p.decoder.InputOffset()])
		case xml.EndElement:
			p.depth--
		case xml.CharData:
			if p.depth == 0 && strings.TrimSpace(string(token)) != "" {
				err = &Refusal{Line: line, Problem: "text outside <" + root + ">", Remedy: "remove it"}
			}
		}
		if err != nil {
			return err
		}
	}
}

// element reads the root or one of its children; source is its start tag.
func (p *xmlParser) element(e xml.StartElement, line int, source string) error {
	if p.depth == 0 {
		if p.rooted || e.Name.Local != root {
			return &Refusal{Line: line, Problem: fmt.Sprintf("element <%s> where only one <%s> may stand", shorten(e.Name.Local), root), Remedy: "put all keys into one <" + root + ">...</" + root + ">"}
		}
		p.rooted = true
		p.depth++
		return nil
	}
	if _, ours := keyOf(e.Name.Local); !ours {
		return p.decoder.Skip()
	}
	s := setting{key: e.Name.Local, line: line}
	values, err := p.values(e)
	if err != nil {
		return err
	}
	s.value = oneXMLLine(values[0])
	switch refused := refuseControls(s.value); {
	case len(values) > 1:
		p.form.reject(s, "the attribute value stands twice", "remove one of the two")
	case writtenBreak().MatchString(source):
		p.form.reject(s, "holds a line break", "write it in one line")
	case refused != nil:
		p.form.reject(s, refused.Problem, refused.Remedy)
	default:
		p.form.set(s)
	}
	return nil
}

// writtenBreak is a line break as a character reference: the one kind that
// XML does not take for a blank in an attribute (XML 1.0, 3.3.3).
var writtenBreak = layout.Pattern(`&#(?:0*1[03]|x0*[aAdD]);`)

func oneXMLLine(value string) string {
	return strings.TrimSpace(strings.NewReplacer("\n", " ", "\t", " ").Replace(value))
}

// values returns the attribute `value`, else the element's text, and reads to
// the element's end. It is more than one where the attribute is repeated,
// which encoding/xml lets pass.
func (p *xmlParser) values(e xml.StartElement) ([]string, error) {
	var values []string
	for _, a := range e.Attr {
		if a.Name.Space == "" && strings.EqualFold(a.Name.Local, "value") {
			values = append(values, a.Value)
		}
	}
	if len(values) > 0 {
		return values, p.decoder.Skip()
	}
	var content struct {
		Text string `xml:",chardata"`
	}
	err := p.decoder.DecodeElement(&content, &e)
	return []string{content.Text}, err
}
