// Students, courses, and who takes which.

include!("server.rs");

#[allow(dead_code)]
const COURSES: &str = "
    CREATE TABLE students (id serial PRIMARY KEY, name text NOT NULL);
    CREATE TABLE courses (id serial PRIMARY KEY, title text NOT NULL);
    CREATE TABLE enrolments (
        student_id integer REFERENCES students,
        course_id integer REFERENCES courses,
        grade smallint,
        PRIMARY KEY (student_id, course_id)
    )";

#[allow(dead_code)]
const ENROLLED: &str = "
    INSERT INTO students (name) VALUES ('Ada'), ('Bob');
    INSERT INTO courses (title) VALUES ('Logic'), ('Music');
    INSERT INTO enrolments (student_id, course_id) VALUES (1, 1), (1, 2), (2, 2)";

#[derive(onetrip::Model, Clone, Debug)]
#[model(table = "students")]
struct Student {
    #[model(key)]
    id: Option<i32>,
    name: String,
}

#[derive(onetrip::Model, Clone, Debug)]
#[model(table = "courses")]
struct Course {
    #[model(key)]
    id: Option<i32>,
    title: String,
}

#[derive(onetrip::Model, Clone, Debug)]
#[model(table = "enrolments")]
struct Enrolment {
    #[model(key)]
    student_id: onetrip::ForeignKey<Student>,
    #[model(key)]
    course_id: onetrip::ForeignKey<Course>,
    grade: Option<i16>,
}
