//! Names of children, parents, streets and schools as an English authority has them: of many heritages, with
//! apostrophes and hyphens. All are combined by chance.

/// Names that go together in a family.
pub struct Heritage {
    /// How often, among a hundred families.
    pub weight: usize,
    /// Family names.
    pub surnames: &'static [&'static str],
    /// Girls' forenames.
    pub girls: &'static [&'static str],
    /// Boys' forenames.
    pub boys: &'static [&'static str],
}

/// In no particular order; weights add up to a hundred.
pub const HERITAGES: &[Heritage] = &[
    Heritage {
        weight: 52,
        surnames: &[
            "Ashworth",
            "Barker",
            "Bell",
            "Carter",
            "Chapman",
            "Clarke",
            "Cooper",
            "Davies",
            "Ellis",
            "Fletcher",
            "Foster",
            "Grant",
            "Harper",
            "Hughes",
            "Jackson",
            "Kirby",
            "Lloyd",
            "Marsh",
            "Mitchell",
            "Morgan",
            "Palmer",
            "Pearson",
            "Reeves",
            "Shaw",
            "Smith-Jones",
            "Spencer",
            "Taylor",
            "Thornton",
            "Walker",
            "Webb",
            "Whitaker",
            "Wood",
        ],
        girls: &[
            "Amelia",
            "Ava",
            "Bethany",
            "Charlotte",
            "Daisy",
            "Eleanor",
            "Ella-Mae",
            "Evie",
            "Freya",
            "Grace",
            "Holly",
            "Imogen",
            "Isla",
            "Jessica",
            "Lily",
            "Lucy",
            "Matilda",
            "Olivia",
            "Poppy",
            "Rosie",
            "Ruby",
            "Sophie",
            "Willow",
        ],
        boys: &[
            "Alfie", "Archie", "Benjamin", "Callum", "Charlie", "Daniel", "Edward", "Ethan", "Finley",
            "Freddie", "George", "Harry", "Isaac", "Jack", "Jacob", "James", "Leo", "Logan", "Max", "Noah",
            "Oliver", "Oscar", "Theo",
        ],
    },
    Heritage {
        weight: 8,
        surnames: &["O'Brien", "O'Connor", "O'Neill", "Byrne", "Gallagher", "Kelly", "McCarthy", "Murphy"],
        girls: &["Aoife", "Caoimhe", "Ciara", "Niamh", "Orla", "Saoirse", "Siobhán"],
        boys: &["Cillian", "Conor", "Eoin", "Fionn", "Oisín", "Ronan", "Seán"],
    },
    Heritage {
        weight: 12,
        surnames: &[
            "Ahmed", "Akhtar", "Begum", "Hussain", "Iqbal", "Khan", "Mahmood", "Malik", "Rahman", "Uddin",
        ],
        girls: &["Aaliyah", "Aisha", "Amina", "Fatima", "Hafsa", "Inaaya", "Maryam", "Safa", "Zainab"],
        boys: &["Adam", "Ayaan", "Bilal", "Hamza", "Ibrahim", "Muhammad", "Rayyan", "Yusuf", "Zakariya"],
    },
    Heritage {
        weight: 8,
        surnames: &[
            "D'Souza", "Desai", "Gill", "Kaur", "Nair", "Patel", "Shah", "Sharma", "Singh", "Varghese",
        ],
        girls: &["Aanya", "Anjali", "Diya", "Jasleen", "Kavya", "Meera", "Priya", "Simran"],
        boys: &["Aarav", "Arjun", "Dev", "Gurpreet", "Kiran", "Rohan", "Veer", "Vihaan"],
    },
    Heritage {
        weight: 7,
        surnames: &[
            "Adeyemi",
            "Asante",
            "Boateng",
            "Chukwu",
            "Mensah",
            "Nwosu",
            "Okafor",
            "Owusu",
            "Campbell-Brown",
        ],
        girls: &["Abena", "Adaeze", "Blessing", "Chidinma", "Esther", "Ngozi", "Temitope", "Zuri"],
        boys: &["Chidi", "Emmanuel", "Femi", "Kofi", "Kwame", "Obinna", "Samuel", "Tobi"],
    },
    Heritage {
        weight: 5,
        surnames: &["Kamiński", "Kowalczyk", "Nowak", "Wiśniewska", "Wójcik", "Zając"],
        girls: &["Alicja", "Hanna", "Julia", "Małgorzata", "Zofia", "Zuzanna"],
        boys: &["Antoni", "Jakub", "Łukasz", "Mateusz", "Szymon", "Wojciech"],
    },
    Heritage {
        weight: 3,
        surnames: &["Abdi", "Ali", "Hassan", "Mohamed", "Warsame", "Yusuf"],
        girls: &["Ayaan", "Hodan", "Ifrah", "Khadija", "Sagal"],
        boys: &["Abdirahman", "Guled", "Liban", "Mahad", "Zakaria"],
    },
    Heritage {
        weight: 3,
        surnames: &["Chan", "Chen", "Lam", "Li", "Nguyễn", "Trần", "Wong"],
        girls: &["Hoi-Yan", "Mei", "Ngọc", "Xin-Yi", "Yuki"],
        boys: &["Ho-Yin", "Jun", "Minh", "Wei", "Zihan"],
    },
    Heritage {
        weight: 2,
        surnames: &["da Silva", "Ferreira", "Gonçalves", "Ionescu", "Popescu", "Țurcanu"],
        girls: &["Beatriz", "Ioana", "Inês", "Ștefania"],
        boys: &["Andrei", "João", "Mihai", "Tomás"],
    },
];

/// Streets of Exampleshire.
pub const STREETS: &[&str] = &[
    "Abbey Road",
    "Beech Avenue",
    "Canal Street",
    "Chapel Lane",
    "Church Street",
    "Elm Grove",
    "Fountain Court",
    "Gasworks Lane",
    "Hawthorn Close",
    "King's Mews",
    "Lime Walk",
    "Mill Hill",
    "Orchard Way",
    "Park Road",
    "Quarry Bank",
    "Rectory Lane",
    "St Anne's Terrace",
    "Station Road",
    "The Crescent",
    "Tudor Gardens",
    "Victoria Street",
    "Weavers' Row",
];

/// Towns of Exampleshire, each with the outward part of a postcode that is in no use.
pub const TOWNS: &[(&str, &str)] =
    &[("Exampleton", "XE1"), ("Upper Sample", "XE2"), ("Templeford", "XE3"), ("Mockley", "XE4")];

/// What schools are called after, before their kind.
pub const SCHOOLS: &[&str] = &[
    "St Aldhelm's",
    "Harrow Beck",
    "Riverside",
    "Larkspur",
    "Moorgate",
    "Holly Bank",
    "Priory",
    "Wellspring",
    "Queen's Drive",
    "Aldersyde",
];

/// Staff of schools.
pub const STAFF: &[&str] = &[
    "Judith Okonedo",
    "Peter Hallam",
    "Sunita Rao",
    "Margaret Fenwick",
    "Yasmin Sheikh",
    "Owen Pritchard",
    "Declan O'Hara",
    "Grace Achebe",
    "Tomasz Lis",
    "Helen Strickland",
];
