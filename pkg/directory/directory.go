// Package directory reads the directory's YAML text as far as more than one service needs it: strictly and bounded, with the
// line of each fault, and the catalogue of assets. What else a directory holds is routing's to check.
package directory

// Asset is a piece of content as the catalogue describes it.
type Asset struct {
	ID    string `yaml:"id"`
	Title string `yaml:"title"`
	// Kind, such as white-paper; Topic, such as pricing.
	Kind  string `yaml:"kind"`
	Topic string `yaml:"topic"`
	// Stage of the buyer's journey that it is made for, and Persona that it is written for.
	Stage   string `yaml:"stage"`
	Persona string `yaml:"persona"`
	URL     string `yaml:"url"`
}

// text is a directory of which the assets alone are looked at.
type text struct {
	Teams     any     `yaml:"teams"`
	Reps      any     `yaml:"reps"`
	Pools     any     `yaml:"pools"`
	Routes    any     `yaml:"routes"`
	Accounts  any     `yaml:"accounts"`
	Assets    []Asset `yaml:"assets"`
	Campaigns any     `yaml:"campaigns"`
	Personas  any     `yaml:"personas"`
}

// Assets reads the catalogue of a directory's text, in its order. It checks the form alone: of a directory that routing
// accepted it gives the assets, each with an id of its own. The error is an Errors.
func Assets(yamlText []byte) ([]Asset, error) {
	var t text
	if _, err := Read(yamlText, &t); err != nil {
		return nil, err
	}
	return t.Assets, nil
}
