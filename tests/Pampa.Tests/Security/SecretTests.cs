using Pampa.Commands;

namespace Pampa.Tests.Security;

/// <summary>T8: a secret on a command line is refused, and nothing of what was typed is shown then.</summary>
[Trait("suite", "security")]
public sealed class SecretTests
{
    private static void Program(PampaBuilder pampa) => pampa.AddJob("numbers", "numbers", "value", job => job.Process(_ => { }));

    [Theory]
    [InlineData("--db", "postgres://me:s3cretmark@host/shop")]
    [InlineData("--db", "postgres://me@host/shop?password=s3cretmark")]
    [InlineData("--db", "Host=host;Username=me;Password=s3cretmark")]
    [InlineData("--db", "Host=host;PWD = s3cretmark")]
    [InlineData("--db=postgres://me:s3cretmark@host/shop")]
    [InlineData("--db", "postgres://me:%73s3cretmark@host/shop")]
    [InlineData("--db", "postgres://me%3As3cretmark@host/shop")]
    [InlineData("--db", "postgres://me%253As3cretmark@host/shop")]
    [InlineData("--db", "postgres://me@host/shop?pass%77ord=s3cretmark")]
    [InlineData("--db", "postgres://me@host/shop?sslpassword=s3cretmark")]
    [InlineData("--db", "env:postgres://me:s3cretmark@host/shop")]
    [InlineData("--db", "file:postgres://me:s3cretmark@host/shop")]
    [InlineData("postgres://me:s3cretmark%40host/shop")]
    [InlineData("--password=s3cretmark")]
    [InlineData("--database", "postgres://me:s3cretmark@host/shop")]
    [InlineData("--database=postgres://me:s3cretmark@host/shop")]
    [InlineData("postgres://me:s3cretmark@host/shop")]
    [InlineData("run", "postgres://me:s3cretmark@host/shop")]
    [InlineData("--workers", "postgres://me:s3cretmark@host/shop")]
    [InlineData("status", "postgres://me:s3cretmark@host/shop")]
    [InlineData("retry", "numbers", "Host=h;Password=s3cretmark")]
    public async Task A_password_in_an_argument_is_refused_with_the_remedy_and_never_shown(params string[] args)
    {
        var output = new StringWriter();
        var errors = new StringWriter();
        var code = await CommandLine.RunAsync(args, Program, output, errors);
        Assert.Equal(2, code);
        Assert.DoesNotContain("s3cretmark", $"{output}{errors}", StringComparison.Ordinal);
        Assert.Contains("--db env:NAME or --db file:PATH", errors.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("me:s3cretmark@host")]
    [InlineData("--password", "s3cretmark")]
    [InlineData("-p", "s3cretmark")]
    [InlineData("-ps3cretmark")]
    [InlineData("--db", "env:me:s3cretmark@host/shop")]
    [InlineData("--db", "file:me:s3cretmark@host/shop")]
    [InlineData("--workers", "me:s3cretmark@host")]
    [InlineData("--db", "me:s3cretmark@host/shop")]
    [InlineData("--pasword=s3cretmark")]
    [InlineData("status", "numbers", "me:s3cretmark@host")]
    public async Task What_may_be_a_secret_in_the_wrong_place_is_not_repeated(params string[] args)
    {
        var output = new StringWriter();
        var errors = new StringWriter();
        Assert.Equal(2, await CommandLine.RunAsync(args, Program, output, errors));
        Assert.DoesNotContain("s3cretmark", $"{output}{errors}", StringComparison.Ordinal);
        Assert.NotEqual("", errors.ToString());
    }
}
