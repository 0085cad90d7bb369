package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

var secretType = reflect.TypeFor[Secret]()

// setting is one key of a settings struct.
type setting struct {
	path  string
	env   string
	value reflect.Value
}

// settings gives the keys of a struct that can be set one by one, depth first: everything but structs.
func settings(v reflect.Value, path, env string) []setting {
	var out []setting
	t := v.Type()
	for i := range t.NumField() {
		f := t.Field(i)
		name, inline := key(f)
		if name == "-" {
			continue
		}
		fv := v.Field(i)
		p, e := path+"."+name, env+"_"+envName(name)
		if inline {
			p, e = path, env
		}
		if f.Type.Kind() == reflect.Struct && f.Type != secretType && !isText(f.Type) {
			out = append(out, settings(fv, p, e)...)
			continue
		}
		out = append(out, setting{path: strings.TrimPrefix(p, "."), env: e, value: fv})
	}
	return out
}

// key gives the YAML name of a field, "-" where it has none.
func key(f reflect.StructField) (name string, inline bool) {
	name, opts, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	inline = slices.Contains(strings.Split(opts, ","), "inline")
	if !f.IsExported() {
		return "-", false
	}
	if name == "" {
		name = strings.ToLower(f.Name)
	}
	return name, inline
}

func envName(name string) string { return strings.ToUpper(strings.ReplaceAll(name, "-", "_")) }

// isText reports whether a struct type reads itself from YAML, so that it is one setting and not several.
func isText(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(reflect.TypeFor[yaml.InterfaceUnmarshaler]()) || p.Implements(reflect.TypeFor[yaml.BytesUnmarshaler]()) ||
		p.Implements(reflect.TypeFor[interface{ UnmarshalText([]byte) error }]())
}

// Variables names the environment variable of every setting of a struct (or a pointer to one), in the order of the fields.
func Variables(of any) []string {
	v := reflect.Indirect(reflect.ValueOf(of))
	if v.Kind() != reflect.Struct {
		return nil
	}
	all := settings(v, "", Prefix)
	out := make([]string, len(all))
	for i, s := range all {
		out[i] = s.env
	}
	return out
}

// Unknown names the BATON_ variables of an environment that are no setting of the struct, but for those in also. They
// are not refused, since container platforms add variables of their own to every name, but a log should mention them.
func Unknown(of any, env []string, also ...string) []string {
	known := append(Variables(of), also...)
	var out []string
	for name := range lookup(env) {
		if strings.HasPrefix(name, Prefix+"_") && !slices.Contains(known, name) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// fromEnv sets every key that the environment has.
func fromEnv(v reflect.Value, vars map[string]string) []error {
	var problems []error
	for _, s := range settings(v, "", Prefix) {
		text := vars[s.env]
		if text == "" {
			continue
		}
		switch {
		case s.value.Type() == secretType:
			s.value.Set(reflect.ValueOf(NewSecret(text)))
		case s.value.Kind() == reflect.String:
			s.value.SetString(text)
		default:
			fresh := reflect.New(s.value.Type())
			if err := decode([]byte(text), fresh.Interface(), ""); err != nil {
				problems = append(problems, fmt.Errorf("%s (%s): %w", s.env, s.path, err))
				continue
			}
			s.value.Set(fresh.Elem())
		}
	}
	return problems
}

// resolveSecrets replaces what secrets refer to, wherever they stand.
func resolveSecrets(v reflect.Value, vars map[string]string) []error {
	var problems []error
	each(v, "", func(path string, s *Secret) {
		if s.text == nil {
			return
		}
		value, file, err := s.text().resolve(vars)
		switch {
		case err != nil:
			problems = append(problems, fmt.Errorf("%s: %w", path, err))
		case file != "":
			*s = Secret{text: func() secretText { return secretText{value: value, file: file} }}
		default:
			*s = NewSecret(value)
		}
	})
	return problems
}

// each visits every secret below v.
func each(v reflect.Value, path string, visit func(path string, s *Secret)) {
	switch {
	case v.Type() == secretType:
		if v.CanAddr() {
			visit(strings.TrimPrefix(path, "."), v.Addr().Interface().(*Secret))
		}
	case v.Kind() == reflect.Pointer && !v.IsNil():
		each(v.Elem(), path, visit)
	case v.Kind() == reflect.Slice || v.Kind() == reflect.Array:
		for i := range v.Len() {
			each(v.Index(i), fmt.Sprintf("%s[%d]", path, i), visit)
		}
	case v.Kind() == reflect.Map:
		for it := v.MapRange(); it.Next(); {
			fresh := reflect.New(v.Type().Elem()).Elem()
			fresh.Set(it.Value())
			each(fresh, fmt.Sprintf("%s.%v", path, it.Key()), visit)
			v.SetMapIndex(it.Key(), fresh)
		}
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			name, inline := key(v.Type().Field(i))
			if name == "-" {
				continue
			}
			p := path + "." + name
			if inline {
				p = path
			}
			each(v.Field(i), p, visit)
		}
	}
}

const maxSecret = 64 << 10

// resolve gives what a secret refers to, and the file that it was read from, "" if from none.
func (t secretText) resolve(vars map[string]string) (value, file string, err error) {
	if t.problem != nil {
		return "", "", t.problem
	}
	if value, err = expand(t.value, vars); err != nil {
		return "", "", err
	}
	path, ok := strings.CutPrefix(value, "file:")
	if !ok {
		return value, "", nil
	}
	if path, err = filepath.Abs(inFolder(t.dir, path)); err != nil {
		return "", "", fmt.Errorf("read the secret: %w", err)
	}
	value, err = readSecret(path)
	return value, path, err
}

func inFolder(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// readSecret reads a file that holds one secret, without the line break at its end.
func readSecret(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("read the secret: %w", err)
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("read the secret: %w", err)
	case len(b) > maxSecret:
		return "", fmt.Errorf("read the secret: %s is larger than %d bytes", path, maxSecret)
	}
	value := strings.TrimRight(string(b), "\r\n")
	if value == "" {
		return "", fmt.Errorf("read the secret: %s is empty", path)
	}
	return value, nil
}

// expand replaces ${NAME} by the environment's value. `$${` stands for `${` itself. A variable that is not set is an
// error: an empty secret would open a door.
func expand(text string, vars map[string]string) (string, error) {
	var out strings.Builder
	for {
		i := strings.Index(text, "${")
		if i < 0 {
			out.WriteString(text)
			return out.String(), nil
		}
		if i > 0 && text[i-1] == '$' {
			out.WriteString(text[:i-1] + "${")
			text = text[i+2:]
			continue
		}
		end := strings.IndexByte(text[i:], '}')
		if end < 0 {
			return "", errors.New("`${` without `}` (write `$${` for the two characters themselves)")
		}
		name := text[i+2 : i+end]
		if !variable(name) {
			return "", errors.New("between `${` and `}` must stand the name of an environment variable")
		}
		value := vars[name]
		if value == "" {
			return "", fmt.Errorf("environment variable %s is not set", name)
		}
		out.WriteString(text[:i] + value)
		text = text[i+end+1:]
	}
}

func variable(name string) bool {
	for i, c := range name {
		if c != '_' && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}
